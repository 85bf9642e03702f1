import type { Command } from 'commander';
import { type Finding, verifyData } from '../engine/data/verify-data.js';
import { RingMQError } from '../native-free/wire/index.js';
import { counted, printJson, sharedOptions } from './output.js';

/** Findings printed in words; `-o json` has them all. */
const MAX_PRINTED = 100;

/** `ringmq log verify`: what there is on stdout, then what is wrong; fails with LOG_CORRUPT when anything is. */
export async function verifyLog(command: Command, directory: string): Promise<void> {
  const report = await verifyData(directory.replace(/(?<=.)\/+$/, ''));
  const { findings, unlisted } = report;
  const count = findings.length + unlisted;
  if (sharedOptions(command).output === 'json') {
    printJson({ clean: count === 0, ...report });
  } else {
    const size = `${counted(report.messages, 'message', 'messages')} in ${counted(report.batches, 'batch', 'batches')}`;
    process.stdout.write(
      `${size}, ${counted(report.segments, 'segment', 'segments')}, positions ${report.startPosition} to ${report.endPosition}\n`,
    );
    if (report.unfinished) {
      process.stdout.write(
        `at ${report.endPosition}: bytes that are no whole batch: an append that did not finish, and the next start cuts it; only where the broker was killed within a third of a second of its last write can it be one that was acked as on disk and damaged since\n`,
      );
    }
    for (const finding of findings.slice(0, MAX_PRINTED)) {
      process.stdout.write(`${describe(finding)}\n`);
    }
    if (count > MAX_PRINTED) {
      process.stdout.write(`and ${count - MAX_PRINTED} more\n`);
    }
  }
  const [first] = findings;
  if (first === undefined) {
    return;
  }
  const lost = findings.some((finding) => finding.kind === 'damage');
  throw new RingMQError(
    'LOG_CORRUPT',
    `${count} damaged ${count === 1 ? 'place' : 'places'}, the first: ${describe(first)}; ${
      lost
        ? 'restore the file from a copy'
        : 'delete the file if it is there, and the next start makes it again from the log'
    }`,
  );
}

function describe(finding: Finding): string {
  const extent = finding.bytes > 0 ? `, ${finding.bytes} bytes` : '';
  return `${finding.file} at ${finding.position}${extent}: ${finding.what}`;
}
