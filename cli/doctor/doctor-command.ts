import type { Command } from 'commander';
import { RingMQError } from '../../native-free/wire/index.js';
import { printJson, printTable, sharedOptions } from '../output.js';
import { diskChecks } from './disk-checks.js';
import { certificate, descriptors, memory, port, runtime, secretFile as secretOf } from './machine-checks.js';

export interface DoctorFlags {
  data: string;
  listen: { host: string; port: number };
  tlsCert?: string;
  tlsKey?: string;
  secretFile?: string;
}

/** `ringmq doctor`: a line for each thing looked at; fails with BAD_CONFIG when a broker would not start here, or not keep its promises. */
export async function runDoctor(
  command: Command,
  { data, listen, tlsCert, tlsKey, secretFile }: DoctorFlags,
): Promise<void> {
  const findings = [
    runtime(),
    memory(),
    descriptors(),
    ...(await diskChecks(data)),
    await port(listen.host, listen.port),
    ...(tlsCert === undefined ? [] : [certificate(tlsCert, tlsKey)]),
    ...(secretFile === undefined ? [] : [secretOf(secretFile)]),
  ];
  const failed = findings.filter(({ status }) => status === 'fail');
  if (sharedOptions(command).output === 'json') {
    printJson({ healthy: failed.length === 0, checks: findings });
  } else {
    printTable(
      ['check', 'is', 'found'],
      findings.map(({ check, status, says, advice }) => [
        check,
        status,
        advice === null ? says : `${says}; ${advice}`,
      ]),
    );
  }
  const [first] = failed;
  if (first !== undefined) {
    throw new RingMQError(
      'BAD_CONFIG',
      `${failed.length} of ${findings.length} checks failed, the first: ${first.says}; ${first.advice}`,
    );
  }
}
