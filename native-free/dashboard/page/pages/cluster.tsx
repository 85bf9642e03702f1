/** Broker sets, who leads them, and who follows how closely. */
import { useSignal } from '@preact/signals';
import type { BrokerStats } from '../../../client/index.js';
import type { BrokerStatus, SetStanding } from '../../../wire/index.js';
import { LIVE_MS, useAsked, useMayChange } from '../ask.js';
import { Button, Check } from '../controls.js';
import { Dialog, say } from '../dialog.js';
import { bytes, count, ms } from '../format.js';
import { backend, isHosted, where } from '../session.js';
import { t } from '../text.js';
import { Answer, Facts, Note, PageHead, Panel, Tag, Waiting } from '../ui.js';
import { allBrokers, allNameServers } from '../watch.js';

export function ClusterPage() {
  return where.value?.kind === 'cluster' ? <Cluster /> : <OneBroker />;
}

function OneBroker() {
  const asked = useAsked('one broker', async () => {
    const [standing, stats] = await Promise.all([
      backend().control({}, 'standing', {}),
      backend().control({}, 'stats', {}),
    ]);
    return { standing: standing as unknown as SetStanding, stats: stats as unknown as BrokerStats };
  });
  return (
    <>
      <PageHead title={t('cluster')} />
      <Note tone="plain">{t('oneBrokerNote')}</Note>
      <Answer of={asked}>
        {({ standing, stats }) => (
          <Panel title={standing.name} aside={<Role role={standing.role} />}>
            <Facts
              rows={[
                ['set', standing.brokerSet],
                ['epoch', String(standing.epoch)],
                ['takes', standing.takesMessages ? t('yes') : t('no')],
                ['logStart', bytes(stats.log.startPosition)],
                ['logEnd', bytes(stats.log.endPosition)],
                ['logFlushed', bytes(stats.log.flushedPosition)],
              ]}
            />
            {standing.replicas.map(({ name, connected, inSync, lagBytes, lagMs }) => (
              <div key={name} class="node">
                <strong>{name}</strong>{' '}
                <Tag tone={connected && inSync ? 'good' : 'warn'}>{t(inSync ? 'inSync' : 'notInSync')}</Tag>{' '}
                {t('behind', { bytes: bytes(lagBytes), time: ms(lagMs) })}
              </div>
            ))}
          </Panel>
        )}
      </Answer>
    </>
  );
}

function Cluster() {
  const asked = useAsked<BrokerStatus[]>('cluster', allBrokers, LIVE_MS);
  const promoting = useSignal<BrokerStatus | null>(null);
  const manages = useMayChange('manage', 'cluster');
  return (
    <>
      <PageHead title={t('cluster')} over={where.value?.name} />
      <NameServers />
      <Answer of={asked}>
        {(brokers) => (
          <div class="sets">
            {[...new Set(brokers.map(({ set }) => set))].map((set) => (
              <SetPanel
                key={set}
                set={set}
                brokers={brokers.filter((broker) => broker.set === set)}
                onPromote={
                  manages
                    ? (broker) => {
                        promoting.value = broker;
                      }
                    : null
                }
              />
            ))}
          </div>
        )}
      </Answer>
      {promoting.value !== null && (
        <Promote
          broker={promoting.value}
          brokers={asked.value ?? []}
          onClose={() => {
            promoting.value = null;
            asked.again();
          }}
        />
      )}
    </>
  );
}

/** Who may not be told of them knows the one that has served the page. */
function NameServers() {
  const asked = useAsked('name servers', allNameServers, 10_000);
  const known = asked.value ?? [];
  const own = { nameServer: location.host, failure: null };
  return (
    <>
      {(known.length > 0 ? known : isHosted ? [] : [own]).map(({ nameServer, failure }) => (
        <div key={nameServer} class="node name-server">
          <span class={`dot ${failure === null ? 'good' : 'bad'}`} aria-hidden="true" />
          <strong>{t('nameServer')}</strong> <code>{nameServer.replace(/^wss?:\/\//, '')}</code>
          {failure !== null && (
            <>
              {' '}
              <Tag tone="bad">{t('brokerDown')}</Tag>
            </>
          )}
        </div>
      ))}
    </>
  );
}

function Role({ role }: { role: BrokerStatus['role'] }) {
  return <Tag tone={role === 'master' ? 'accent' : 'plain'}>{t(role)}</Tag>;
}

function SetPanel({
  set,
  brokers,
  onPromote,
}: {
  set: string;
  brokers: readonly BrokerStatus[];
  onPromote: ((broker: BrokerStatus) => void) | null;
}) {
  const master = brokers.find(({ isMaster, up }) => isMaster && up);
  const sorted = [...brokers].sort((a, b) => Number(b.isMaster) - Number(a.isMaster));
  return (
    <Panel
      title={t('setNamed', { set })}
      aside={
        master === undefined ? (
          <Tag tone="bad">{t('noMaster')}</Tag>
        ) : (
          t('epochIs', { epoch: String(master.epoch) })
        )
      }
    >
      {sorted.map((broker) => (
        <div key={broker.name} class={`node ${broker.isMaster ? 'master' : 'slave'}`}>
          <header>
            <span
              class={`dot ${broker.up ? (broker.inSync === false ? 'warn' : 'good') : 'bad'}`}
              aria-hidden="true"
            />
            <strong>{broker.name}</strong>
            <Role role={broker.isMaster ? 'master' : broker.role === 'master' ? 'slave' : broker.role} />
            {!broker.up && <Tag tone="bad">{t('down')}</Tag>}
            {!broker.isMaster && broker.inSync !== null && (
              <Tag tone={broker.inSync ? 'good' : 'warn'}>{t(broker.inSync ? 'inSync' : 'notInSync')}</Tag>
            )}
            {(broker.damaged ?? 0) > 0 && (
              <Tag tone="bad">{t('damaged', { count: count(broker.damaged ?? 0) })}</Tag>
            )}
            <code class="quiet">{broker.url}</code>
            {onPromote !== null && !broker.isMaster && broker.up && (
              <Button onClick={() => onPromote(broker)}>{t('promote')}</Button>
            )}
          </header>
          <Facts
            rows={[
              ['epoch', String(broker.epoch)],
              ['logStart', bytes(broker.start)],
              ['logEnd', bytes(broker.end)],
              ['logFlushed', bytes(broker.flushed)],
              [
                'slaveLag',
                broker.lagBytes === null ? '–' : `${bytes(broker.lagBytes)} · ${ms(broker.lagMs ?? 0)}`,
              ],
              ['heard', ms(broker.heardMs)],
            ]}
          />
        </div>
      ))}
    </Panel>
  );
}

/** Asked of the brokers themselves, now: what the name server last heard may be older. */
async function foresee(broker: BrokerStatus, brokers: readonly BrokerStatus[]) {
  const master = brokers.find(({ set, isMaster, up }) => set === broker.set && isMaster && up);
  const [slave, leads] = await Promise.all([
    backend().control({ url: broker.url }, 'standing', {}),
    master === undefined
      ? null
      : backend()
          .control({ url: master.url }, 'standing', {})
          .catch(() => null),
  ]);
  return {
    slave: slave as unknown as SetStanding,
    master: leads as unknown as SetStanding | null,
    masterName: master?.name ?? null,
  };
}

function Promote({
  broker,
  brokers,
  onClose,
}: {
  broker: BrokerStatus;
  brokers: readonly BrokerStatus[];
  onClose: () => void;
}) {
  const seen = useAsked(broker.url, () => foresee(broker, brokers), LIVE_MS);
  const isForced = useSignal(false);
  const lacks = seen.value?.master == null ? null : Math.max(0, seen.value.master.end - seen.value.slave.end);
  return (
    <Dialog
      title={t('promoteTitle', { name: broker.name })}
      action={t('promote')}
      tone="danger"
      isReady={seen.value !== undefined}
      done={null}
      onClose={onClose}
      onDo={async () => {
        const answer = await backend().control({ url: broker.url }, 'promote', { force: isForced.value });
        say(t('promoted', { name: broker.name, epoch: String(answer['epoch']) }));
        onClose();
      }}
    >
      {seen.value === undefined ? (
        seen.error === null ? (
          <Waiting />
        ) : (
          <Note tone="bad">{seen.error.message}</Note>
        )
      ) : (
        <ul class="plan">
          <li>
            {t('promoteDoes', { name: broker.name, set: broker.set, epoch: String(seen.value.slave.epoch) })}
          </li>
          {seen.value.masterName !== null && (
            <li>
              {t(seen.value.master === null ? 'promoteSilent' : 'promoteFences', {
                name: seen.value.masterName,
              })}
            </li>
          )}
          <li>
            {lacks === null
              ? t('promoteUnknown')
              : lacks === 0
                ? t('promoteLosesNothing', { name: broker.name })
                : t('promoteLacks', { name: broker.name, bytes: bytes(lacks) })}
          </li>
          {broker.controller && <li>{t('promoteController')}</li>}
        </ul>
      )}
      <Check of={isForced}>{t('promoteForce')}</Check>
    </Dialog>
  );
}
