/** Every option of every node: its value, and where that comes from. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import {
  type BrokerConfiguration,
  type BrokerStatus,
  type ConfiguredOption,
  LOG_LEVELS,
  type LogLevel,
  type NameServerConfiguration,
} from '../../../wire/index.js';
import type { Target } from '../../desk/index.js';
import { useAsked, useMayChange } from '../ask.js';
import { Button, Choice, Field, Input } from '../controls.js';
import { Dialog } from '../dialog.js';
import { count, exactBytes, exactMs } from '../format.js';
import { backend, where } from '../session.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import { Answer, Facts, Note, PageHead, Panel, Tag } from '../ui.js';
import { allBrokers, allNameServers } from '../watch.js';

/** What can be looked at. */
interface Nodes {
  readonly brokers: readonly BrokerStatus[];
  readonly nameServers: readonly NameServerConfiguration[];
}

async function allNodes(): Promise<Nodes> {
  const [brokers, nameServers] = await Promise.all([
    where.value?.kind === 'cluster' ? allBrokers() : [],
    allNameServers(),
  ]);
  return { brokers: brokers.filter(({ up }) => up), nameServers };
}

export function ConfigurationPage() {
  const isCluster = where.value?.kind === 'cluster';
  const nodes = useAsked<Nodes>('nodes', allNodes, 10_000);
  /** An address; empty: the only broker. */
  const chosen = useSignal('');
  const filter = useSignal('');
  const isSetting = useSignal(false);
  const manages = useMayChange('manage', 'cluster');
  const { brokers = [], nameServers = [] } = nodes.value ?? {};
  const url = chosen.value || brokers[0]?.url;
  useEffect(() => {
    if (chosen.value === '' && url !== undefined) {
      chosen.value = url;
    }
  }, [url]);
  const nameServer = nameServers.find((each) => each.nameServer === url);
  const target: Target = isCluster && nameServer === undefined && url !== undefined ? { url } : {};
  const isReady = nameServer === undefined && (!isCluster || url !== undefined);
  const asked = useAsked<ConfiguredOption[]>(
    `${url ?? ''} ${isReady}`,
    async () => (isReady ? askOptions(target) : []),
    0,
  );
  const options = [
    ...(isCluster
      ? brokers.map(({ url: at, name }) => [at, name] as const)
      : [['', where.value?.name ?? ''] as const]),
    ...nameServers.map((each) => [each.nameServer, `${t('nameServer')} ${each.nameServer}`] as const),
  ];
  return (
    <>
      <PageHead title={t('configuration')}>
        {options.length > 1 && <Choice of={chosen} label={t('node')} options={options} />}
        <Input of={filter} type="search" placeholder={t('filter')} aria-label={t('filter')} />
        {manages && (
          <Button
            onClick={() => {
              isSetting.value = true;
            }}
          >
            {t('logLevel')}
          </Button>
        )}
      </PageHead>
      {nameServer === undefined ? (
        <Answer of={asked}>{(all) => <Options all={all} filter={filter.value} />}</Answer>
      ) : nameServer.failure === null ? (
        <Options all={nameServer.options} filter={filter.value} />
      ) : (
        <Note tone="bad">{nameServer.failure}</Note>
      )}
      {isSetting.value && (
        <SetLevel
          now={levelOf(nameServer?.options ?? asked.value ?? [])}
          onDo={(level) =>
            nameServer === undefined
              ? backend().control(target, 'setLogLevel', { level })
              : backend().control({}, 'setNameServerLogLevel', { nameServer: nameServer.nameServer, level })
          }
          onClose={() => {
            isSetting.value = false;
            asked.again();
            nodes.again();
          }}
        />
      )}
    </>
  );
}

const FROM = {
  flag: 'fromFlag',
  environment: 'fromEnvironment',
  file: 'fromFile',
  call: 'fromCall',
  default: 'fromDefault',
} as const;

function Options({ all, filter }: { all: readonly ConfiguredOption[]; filter: string }) {
  const sought = filter.trim().toLowerCase();
  const open = useSignal('');
  const keyOf = ({ scope, listener = '', name }: ConfiguredOption): string => `${scope} ${listener} ${name}`;
  const shown = all.find((option) => keyOf(option) === open.value);
  return (
    <>
      <Table<ConfiguredOption>
        label={t('configuration')}
        rows={all.filter(({ name, description }) => `${name} ${description}`.toLowerCase().includes(sought))}
        keyOf={keyOf}
        isOpen={(option) => option === shown}
        onOpen={(option) => {
          open.value = option === shown ? '' : keyOf(option);
        }}
        columns={[
          {
            name: t('option'),
            grow: 1.4,
            cell: (option) => (
              <button type="button" class="link" aria-expanded={option === shown}>
                <code title={option.listener}>{option.name}</code>
              </button>
            ),
          },
          {
            name: t('value'),
            grow: 1.4,
            cell: ({ value, unit }) => <strong title={rawText(value, unit)}>{valueText(value, unit)}</strong>,
          },
          {
            name: t('comesFrom'),
            cell: ({ from }) => <Tag tone={from === 'default' ? 'plain' : 'accent'}>{t(FROM[from])}</Tag>,
          },
          {
            name: t('default'),
            cell: (option) => (
              <span title={rawText(option.default, option.unit)}>
                {valueText(option.default, option.unit)}
              </span>
            ),
          },
          {
            name: t('meaning'),
            grow: 4,
            cell: ({ description }) => <span title={description}>{description}</span>,
          },
        ]}
      />
      {shown !== undefined && (
        <Panel title={shown.name} aside={shown.listener}>
          <Facts
            rows={[
              ['value', rawText(shown.value, shown.unit)],
              ['comesFrom', t(FROM[shown.from])],
              ['default', rawText(shown.default, shown.unit)],
            ]}
          />
          <p>{shown.description}</p>
        </Panel>
      )}
    </>
  );
}

async function askOptions(target: Target): Promise<ConfiguredOption[]> {
  const answer = await backend().control(target, 'configuration', {});
  return (answer as unknown as BrokerConfiguration).options;
}

function levelOf(options: readonly ConfiguredOption[]): LogLevel {
  const now = options.find(({ scope, name }) => scope === 'log' && name === 'logLevel')?.value;
  return LOG_LEVELS.find((each) => each === now) ?? 'info';
}

function SetLevel({
  now,
  onDo,
  onClose,
}: {
  now: LogLevel;
  onDo: (level: LogLevel) => Promise<unknown>;
  onClose: () => void;
}) {
  const level = useSignal<LogLevel>(now);
  return (
    <Dialog
      title={t('logLevel')}
      action={t('set')}
      done={t('done')}
      onClose={onClose}
      onDo={() => onDo(level.value)}
    >
      <p>{t('logLevelWhat')}</p>
      <Field name={t('logLevel')}>
        <Choice of={level} options={LOG_LEVELS.map((each) => [each, each] as const)} />
      </Field>
    </Dialog>
  );
}

/** As people read it, and never less exactly than it is. */
function valueText(value: unknown, unit: string | undefined): string {
  if (typeof value === 'number' && value > 0 && (unit === 'bytes' || unit === 'ms')) {
    return unit === 'bytes' ? exactBytes(value) : exactMs(value);
  }
  return typeof value === 'number' && unit === undefined ? count(value) : rawText(value, unit);
}

function rawText(value: unknown, unit: string | undefined): string {
  if (value === null || value === undefined) {
    return '–';
  }
  const text = Array.isArray(value) ? value.join(', ') || '–' : String(value);
  return typeof value !== 'number' || unit === undefined ? text : `${text} ${unit}`;
}
