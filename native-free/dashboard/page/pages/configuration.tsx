/** Every option of every node: its value, and where that comes from. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import {
  type BrokerConfiguration,
  type BrokerStatus,
  type ConfiguredOption,
  LOG_LEVELS,
  type LogLevel,
} from '../../../wire/index.js';
import type { Target } from '../../desk/index.js';
import { useAsked, useMayChange } from '../ask.js';
import { Button, Choice, Field, Input } from '../controls.js';
import { Dialog } from '../dialog.js';
import { backend, where } from '../session.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import { Answer, PageHead, Tag } from '../ui.js';
import { allBrokers } from '../watch.js';

export function ConfigurationPage() {
  const isCluster = where.value?.kind === 'cluster';
  const nodes = useAsked<BrokerStatus[]>('nodes', async () => (isCluster ? allBrokers() : []), 10_000);
  const chosen = useSignal('');
  const filter = useSignal('');
  const isSetting = useSignal(false);
  const manages = useMayChange('manage', 'cluster');
  const up = (nodes.value ?? []).filter((node) => node.up);
  const url = chosen.value || up[0]?.url;
  const target: Target = isCluster && url !== undefined ? { url } : {};
  useEffect(() => {
    if (chosen.value === '' && url !== undefined) {
      chosen.value = url;
    }
  }, [url]);
  const isReady = !isCluster || url !== undefined;
  const asked = useAsked<ConfiguredOption[]>(
    `${url ?? ''} ${isReady}`,
    async () => (isReady ? askOptions(target) : []),
    0,
  );
  const sought = filter.value.trim().toLowerCase();
  return (
    <>
      <PageHead title={t('configuration')}>
        {up.length > 0 && (
          <Choice of={chosen} label={t('node')} options={up.map((node) => [node.url, node.name] as const)} />
        )}
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
      <Answer of={asked}>
        {(options) => (
          <Table<ConfiguredOption>
            label={t('configuration')}
            rows={options.filter(({ name, description }) =>
              `${name} ${description}`.toLowerCase().includes(sought),
            )}
            keyOf={({ scope, listener = '', name }) => `${scope} ${listener} ${name}`}
            columns={[
              {
                name: t('option'),
                grow: 1.4,
                cell: ({ name, listener }) => <code title={listener}>{name}</code>,
              },
              {
                name: t('value'),
                grow: 1.4,
                cell: ({ value, unit }) => <strong>{valueText(value, unit)}</strong>,
              },
              {
                name: t('comesFrom'),
                cell: ({ from }) => <Tag tone={from === 'default' ? 'plain' : 'accent'}>{from}</Tag>,
              },
              { name: t('default'), cell: (option) => valueText(option.default, option.unit) },
              {
                name: t('meaning'),
                grow: 4,
                cell: ({ description }) => <span title={description}>{description}</span>,
              },
            ]}
          />
        )}
      </Answer>
      {isSetting.value && (
        <SetLevel
          target={target}
          now={levelOf(asked.value ?? [])}
          onClose={() => {
            isSetting.value = false;
            asked.again();
          }}
        />
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

function SetLevel({ target, now, onClose }: { target: Target; now: LogLevel; onClose: () => void }) {
  const level = useSignal<LogLevel>(now);
  return (
    <Dialog
      title={t('logLevel')}
      action={t('set')}
      done={t('done')}
      onClose={onClose}
      onDo={() => backend().control(target, 'setLogLevel', { level: level.value })}
    >
      <p>{t('logLevelWhat')}</p>
      <Field name={t('logLevel')}>
        <Choice of={level} options={LOG_LEVELS.map((each) => [each, each] as const)} />
      </Field>
    </Dialog>
  );
}

function valueText(value: unknown, unit: string | undefined): string {
  if (value === null || value === undefined) {
    return '–';
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return unit === undefined || unit === '' ? text : `${text} ${unit}`;
}
