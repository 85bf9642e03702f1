/** Who may do what, who did what, and how a node is set up. */
import type { Texts } from './texts.js';

export const ACCESS = {
  // Users
  allowed: ['allowed', '允许'],
  builtIn: ['built in', '内置'],
  changed: ['Changed', '变更时间'],
  createRole: ['Create role', '创建角色'],
  createUser: ['Create user', '创建用户'],
  deleteRole: ['Delete role', '删除角色'],
  deleteRoleWhat: [
    'Users that have the role {role} lose its rights.',
    '拥有角色 {role} 的用户将失去其权限。',
  ],
  deleteUser: ['Delete user', '删除用户'],
  deleteUserWhat: ['Open connections of {user} are ended.', '{user} 的连接将被断开。'],
  denied: ['denied', '拒绝'],
  noUsers: ['There are no users', '没有用户'],
  oldPassword: ['Password until now', '当前密码'],
  oldPasswordHint: ['Of your own user. It is not sent either.', '您自己的用户需要填写,同样不会发送。'],
  passwordHint: [
    '1 to 1,024 characters. It is not sent: the broker gets what it can check it by.',
    '1 至 1,024 个字符。不会发送:Broker 只获得用于校验的内容。',
  ],
  passwordOf: ['Password of {user}', '{user} 的密码'],
  passwordWhat: ['Open connections of {user} are ended.', '{user} 的连接将被断开。'],
  resource: ['Resource', '资源'],
  resourceHint: [
    'topic:NAME, group:NAME, either with * at its end, cluster, or *',
    'topic:名称、group:名称(末尾可用 *)、cluster 或 *',
  ],
  right: ['Right', '权限'],
  rights: ['Rights', '权限'],
  rightsOf: ['Rights of {name}', '{name} 的权限'],
  role: ['Role', '角色'],
  roles: ['Roles', '角色'],
  rolesOf: ['Roles of {user}', '{user} 的角色'],
  test: ['Test', '测试'],
  testRight: ['Test a right', '测试权限'],

  // Audit, configuration
  auditOldest: ['From', '起始'],
  auditHour: ['Last hour', '最近一小时'],
  auditDay: ['Last day', '最近一天'],
  auditWeek: ['Last week', '最近一周'],
  auditAll: ['All', '全部'],
  details: ['Details', '详情'],
  comesFrom: ['From', '来源'],
  default: ['Default', '默认值'],
  logLevel: ['Log level', '日志级别'],
  logLevelWhat: ['Of the running node, until it is started again.', '作用于运行中的节点,重启后失效。'],
  meaning: ['Meaning', '含义'],
  node: ['Node', '节点'],
  option: ['Option', '选项'],
  result: ['Result', '结果'],
  value: ['Value', '值'],
  what: ['What', '操作内容'],
} as const satisfies Texts;
