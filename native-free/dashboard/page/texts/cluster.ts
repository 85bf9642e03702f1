/** How brokers stand. */
import type { Texts } from './texts.js';

export const CLUSTER = {
  // Overview
  allWell: [
    'All is well: brokers answer ({count}), disks have room, replicas are in sync.',
    '一切正常:Broker 均有应答({count}),磁盘有余量,副本已同步。',
  ],
  backlog: ['Backlog', '积压'],
  behind: ['{bytes}, {time} behind', '落后 {bytes}、{time}'],
  brokerDown: ['does not answer', '无应答'],
  byteRates: ['Bytes a second', '每秒字节数'],
  connections: ['Connections', '连接'],
  damaged: ['{count} damaged {count:place|places}', '{count} 处损坏'],
  disk: ['Disk', '磁盘'],
  diskFailed: [
    'The disk has failed: nothing is written any more. See the log, and restart the broker.',
    '磁盘故障:不再写入任何内容。请查看日志并重启 Broker。',
  ],
  diskFreeTime: ['Disk free over time', '磁盘剩余变化'],
  diskFree: ['Disk free', '磁盘剩余'],
  diskFull: ['The disk is full: sends are refused until there is room.', '磁盘已满:在腾出空间之前拒绝发送。'],
  flush: ['Flush p50', '刷盘 p50'],
  flushLatency: ['Flush latency', '刷盘延迟'],
  fullIn: ['full in {time}', '{time} 后写满'],
  fullNever: ['not filling', '未在增长'],
  fullSoon: ['At this pace it is full in {time}.', '按当前速度,{time} 后写满。'],
  in: ['in', '入'],
  inHead: ['In', '入'],
  outHead: ['Out', '出'],
  last24h: ['last 24 h', '最近 24 小时'],
  messageRates: ['Messages a second', '每秒消息数'],
  messages: ['messages', '条消息'],
  messagesIn: ['Messages in', '流入消息'],
  messagesOut: ['Messages out', '流出消息'],
  noMaster: ['has no master', '没有主节点'],
  noReplicas: ['no slaves', '无从节点'],
  notConnected: ['is not connected to its master', '未连接到主节点'],
  notInSync: ['not in sync', '未同步'],
  out: ['out', '出'],
  overviewNotAllowed: [
    'How brokers do is shown to who may manage the cluster. What you have rights on is under',
    'Broker 的运行状况仅向集群管理者显示。您有权限的内容见:',
  ],
  problems: ['Problems, the worst first', '问题(最严重的在前)'],
  replicaLag: ['Replica lag', '副本延迟'],
  ring: ['Ring used', '环形缓冲占用'],
  ringNearlyFull: [
    'The ring is nearly full: producers wait for the disk.',
    '环形缓冲将满:生产者在等待磁盘。',
  ],
  setAway: ['does not answer: {why}', '无应答:{why}'],
  sinceOpened: ['since this page was opened', '自打开此页起'],
  takesNothing: [
    'takes no messages now: too few slaves are in sync, or its lease has run out',
    '当前不接收消息:同步的从节点不足,或租约已过期',
  ],
  topicsAndGroups: [
    '{topics} {topics:topic|topics}, {groups} {groups:group|groups}',
    '{topics} 个主题,{groups} 个消费组',
  ],

  // Cluster
  down: ['down', '离线'],
  epoch: ['Epoch', '纪元'],
  epochIs: ['epoch {epoch}', '纪元 {epoch}'],
  heard: ['Heard of', '上次心跳'],
  inSync: ['in sync', '已同步'],
  lag: ['Lag', '积压'],
  logEnd: ['Log ends at', '日志末尾'],
  logFlushed: ['On disk up to', '已刷盘至'],
  logStart: ['Log begins at', '日志起点'],
  master: ['master', '主'],
  nameServer: ['Name server', 'Name Server'],
  oneBrokerNote: [
    'This is one broker. A cluster is shown by the dashboard of its name servers.',
    '这是单个 Broker。集群请在 Name Server 的控制台查看。',
  ],
  promote: ['Promote', '提升为主'],
  promoteController: [
    'A controller decides who leads this set: it may decide otherwise.',
    '该组由控制器决定主节点:它可能另行决定。',
  ],
  promoteDoes: [
    '{name} becomes the master of set {set}, of an epoch above {epoch}.',
    '{name} 将成为组 {set} 的主节点,纪元高于 {epoch}。',
  ],
  promoteFences: [
    '{name} is fenced: it takes and acks nothing any more, and follows when it is told.',
    '{name} 将被隔离:不再接收和确认任何消息,并在获知后转为跟随。',
  ],
  promoteForce: [
    'Promote it even where another broker has more of the log',
    '即使其他 Broker 拥有更多日志也提升',
  ],
  promoteLacks: [
    '{name} lacks the last {bytes} of the log: they are lost to the set unless it catches up first.',
    '{name} 缺少日志的最后 {bytes}:若不先追上,该组将丢失它们。',
  ],
  promoteLosesNothing: [
    '{name} has all of the log: nothing is lost.',
    '{name} 拥有全部日志:不会丢失任何内容。',
  ],
  promoteSilent: [
    '{name}, the master, does not answer. When it is back it follows.',
    '主节点 {name} 无应答。恢复后将转为跟随。',
  ],
  promoteTitle: ['Promote {name}', '提升 {name} 为主节点'],
  promoteUnknown: [
    'No master answers, so what {name} lacks is not known.',
    '没有主节点应答,无法得知 {name} 缺少什么。',
  ],
  promoted: ['{name} is the master now, of epoch {epoch}.', '{name} 现为主节点,纪元 {epoch}。'],
  setNamed: ['Set {set}', '组 {set}'],
  sets: ['Sets', '组'],
  slave: ['slave', '从'],
  takes: ['Takes messages', '接收消息'],
} as const satisfies Texts;
