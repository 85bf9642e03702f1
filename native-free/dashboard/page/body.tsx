/** A message's body, as text, as JSON, or byte by byte. */
import { useSignal } from '@preact/signals';
import { bytes } from './format.js';
import { t } from './text.js';
import { Note, Tag } from './ui.js';

const BYTES_PER_LINE = 16;
/** Lines of hexadecimal digits that are shown. */
const MAX_HEX_LINES = 4_096;

type View = 'json' | 'text' | 'hex';

export function Body({ body, bodyBytes }: { body: Uint8Array | null; bodyBytes: number }) {
  const text = body === null ? null : textOf(body);
  const json = text === null ? undefined : jsonOf(text);
  const chosen = useSignal<View | null>(null);
  if (body === null) {
    return <p class="empty">{t('noBody')}</p>;
  }
  const views: View[] = [
    ...(json === undefined ? [] : ['json' as const]),
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
      </div>
      {bodyBytes > body.length && <Note tone="warn">{t('bodyCut', { bytes: bytes(body.length) })}</Note>}
      <pre tabIndex={0} role="region" aria-label={t('body')}>
        {view === 'json' ? JSON.stringify(json, null, 2) : view === 'text' ? text : hexOf(body)}
      </pre>
    </div>
  );
}

/** null: it is not UTF-8. */
export function textOf(body: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return null;
  }
}

function jsonOf(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) {
    return undefined;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
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
