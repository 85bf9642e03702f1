/** Sending one message by hand. */
import { useSignal } from '@preact/signals';
import type { TopicDescription } from '../../../client/index.js';
import { Field, Input } from '../controls.js';
import { Dialog, say } from '../dialog.js';
import { backend } from '../session.js';
import { t } from '../text.js';

export function PublishDialog({ topic, onClose }: { topic: TopicDescription; onClose: () => void }) {
  const body = useSignal('');
  const tag = useSignal('');
  const keys = useSignal('');
  const shardingKey = useSignal('');
  const properties = useSignal('');
  const written = propertiesOf(properties.value);
  return (
    <Dialog
      title={t('publishTo', { topic: topic.topic })}
      action={t('publish')}
      isReady={written !== null}
      done={t('sent')}
      onClose={onClose}
      onDo={async () => {
        const receipt = await backend().publish({
          topic: topic.topic,
          body: new TextEncoder().encode(body.value),
          tag: tag.value.trim() || undefined,
          keys: keys.value.split(/[\s,]+/).filter(Boolean),
          shardingKey: shardingKey.value.trim() || undefined,
          properties: written ?? {},
        });
        const { brokerSet, queueId, offset, durability } = receipt;
        say(
          t('sentTo', {
            queue: `${brokerSet === undefined ? '' : `${brokerSet}/`}${queueId}`,
            offset: String(offset),
            durability,
          }),
        );
      }}
    >
      <Field name={t('body')}>
        <textarea
          rows={6}
          autofocus
          spellcheck={false}
          value={body.value}
          onInput={(event) => {
            body.value = event.currentTarget.value;
          }}
        />
      </Field>
      <div class="pair">
        <Field name={t('tag')}>
          <Input of={tag} />
        </Field>
        <Field name={t('keys')} hint={t('keysHint')}>
          <Input of={keys} />
        </Field>
      </div>
      <Field name={t('shardingKey')} hint={t('shardingKeyHint')}>
        <Input of={shardingKey} />
      </Field>
      <Field name={t('properties')} hint={t('propertiesHint')}>
        <textarea
          rows={3}
          spellcheck={false}
          value={properties.value}
          onInput={(event) => {
            properties.value = event.currentTarget.value;
          }}
        />
      </Field>
    </Dialog>
  );
}

/** A line each, `name=value`. null: a line is none. */
function propertiesOf(text: string): Record<string, string> | null {
  const found: [string, string][] = [];
  for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
    const at = line.indexOf('=');
    if (at < 1) {
      return null;
    }
    found.push([line.slice(0, at).trim(), line.slice(at + 1).trim()]);
  }
  // Whatever it is called, it is a property: `__proto__` too.
  return Object.fromEntries(found);
}
