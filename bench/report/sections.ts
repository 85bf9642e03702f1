/** What a report is made of, before it is Markdown or HTML. */
import type { Plot } from './plots.js';
import type { Table } from './tables.js';
import type { WorkloadGroup } from './workloads.js';

/** Bars stand for a table's rates; the page has them, Markdown does not. */
export interface Block {
  title?: string;
  table?: Table;
  group?: WorkloadGroup;
  plots?: Plot[];
}

export interface Section {
  id: string;
  title: string;
  text: string[];
  blocks: Block[];
}

export interface Report {
  title: string;
  intro: string[];
  sections: Section[];
}
