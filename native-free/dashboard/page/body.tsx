/** A message's body, as text, as JSON, or byte by byte. */
import { useSignal } from '@preact/signals';
import { Button } from './controls.js';
import { bytes } from './format.js';
import { indented } from './json-text.js';
import { t } from './text.js';
import { Note, Tag } from './ui.js';

const BYTES_PER_LINE = 16;
/** Lines of hexadecimal digits that are shown. */
const MAX_HEX_LINES = 4_096;

type View = 'json' | 'text' | 'hex';

export function Body({
  body,
  bodyBytes,
  onSave,
}: {
  body: Uint8Array | null;
  bodyBytes: number;
  /** The whole body, as a file. */
  onSave: () => void;
}) {
  const isCut = body !== null && bodyBytes > body.length;
  const text = body === null ? null : textOf(body, isCut);
  const json = text === null || isCut ? null : indented(text);
  const chosen = useSignal<View | null>(null);
  if (body === null) {
    return <p class="empty">{t('noBody')}</p>;
  }
  const views: View[] = [
    ...(json === null ? [] : ['json' as const]),
    ...(text === null ? [] : ['text' as const]),
    'hex',
  ];
  const view = chosen.value !== null && views.includes(chosen.value) ? chosen.value : (views[0] as View);
  return (
    <div class="body">
      <div class="body-head" role="group" aria-label={t('body')}>
        {views.map((each) => (
          <button
            key={each}
            type="button"
            class={`button quiet ${each === view ? 'on' : ''}`}
            aria-pressed={each === view}
            onClick={() => {
              chosen.value = each;
            }}
          >
            {each === 'json' ? 'JSON' : each === 'text' ? t('asText') : t('asHex')}
          </button>
        ))}
        <Tag>{bytes(bodyBytes)}</Tag>
        <Button tone="quiet" onClick={onSave}>
          {t('saveBody')}
        </Button>
      </div>
      {isCut && <Note tone="warn">{t('bodyCut', { bytes: bytes(body.length) })}</Note>}
      <pre tabIndex={0} role="region" aria-label={t('body')}>
        {view === 'json' ? json : view === 'text' ? text : hexOf(body)}
      </pre>
    </div>
  );
}

/** null: it is not UTF-8. `isCut`: its last character may be a part of one, which is left out. */
export function textOf(body: Uint8Array, isCut = false): string | null {
  try {
    // Byte for byte: a mark of their order at the beginning is a character as well.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body, { stream: isCut });
  } catch {
    return null;
  }
}

function hexOf(body: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < body.length && lines.length < MAX_HEX_LINES; at += BYTES_PER_LINE) {
    const piece = [...body.subarray(at, at + BYTES_PER_LINE)];
    const digits = piece.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const letters = piece
      .map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·'))
      .join('');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${digits.padEnd(BYTES_PER_LINE * 3 - 1)}  ${letters}`);
  }
  return lines.join('\n');
}
