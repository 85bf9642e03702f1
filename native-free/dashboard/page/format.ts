/** Figures as people read them. */
import { language } from './prefs.js';

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
const MS_PER = { s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

export function count(value: number): string {
  return Math.round(value).toLocaleString(locale());
}

/** A rate: with a digit behind the point while it is small. */
export function rate(value: number): string {
  return value > 0 && value < 10 ? value.toFixed(1) : count(value);
}

export function bytes(value: number): string {
  let unit = 0;
  let left = value;
  while (left >= 1024 && unit < BYTE_UNITS.length - 1) {
    left /= 1024;
    unit++;
  }
  return `${unit === 0 || left >= 100 ? Math.round(left) : left.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** In the largest unit of which it is a whole number. */
export function exactBytes(value: number): string {
  let unit = 0;
  let left = value;
  while (left % 1024 === 0 && unit < BYTE_UNITS.length - 1) {
    left /= 1024;
    unit++;
  }
  return `${count(left)} ${BYTE_UNITS[unit]}`;
}

export function exactMs(value: number): string {
  const [unit, size] = Object.entries(MS_PER).findLast(([, each]) => value % each === 0) ?? ['ms', 1];
  return `${count(value / size)} ${unit}`;
}

/** An amount as {@link bytes} writes it, whole bytes without a unit. NaN: it is none. */
export function readBytes(text: string): number {
  const [, number, unit = 'b'] = /^(\d+(?:\.\d+)?)\s*(b|[kmgt]ib)?$/i.exec(text.trim()) ?? [];
  return number === undefined
    ? Number.NaN
    : Math.round(Number(number) * 1024 ** Math.max(0, 'bkmgt'.indexOf(unit.toLowerCase().charAt(0))));
}

export function ms(value: number): string {
  if (value < MS_PER.s) {
    return value < 10 ? `${Number(value.toFixed(2))} ms` : `${Math.round(value)} ms`;
  }
  if (value < MS_PER.min) {
    return `${(value / MS_PER.s).toFixed(1)} s`;
  }
  if (value < MS_PER.h) {
    return `${Math.round(value / MS_PER.min)} min`;
  }
  return value < 2 * MS_PER.d
    ? `${(value / MS_PER.h).toFixed(1)} h`
    : `${count(value / MS_PER.d)} ${language.value === 'zh' ? '天' : 'd'}`;
}

export function percent(part: number): string {
  return `${part > 0 && part < 0.01 ? '<1' : Math.round(part * 100)} %`;
}

/** Of milliseconds since 1970. */
export function moment(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) || time < MS_PER.d
    ? '–'
    : `${date.toLocaleDateString('sv-SE')} ${date.toLocaleTimeString('sv-SE')}`;
}

export function clockTime(time: number): string {
  return new Date(time).toLocaleTimeString('sv-SE');
}

function locale(): string {
  return language.value === 'zh' ? 'zh-CN' : 'en-US';
}
