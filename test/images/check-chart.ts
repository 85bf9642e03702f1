/** The Helm chart: whether it renders in every mode, and refuses what it should. Only where there is `helm`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { find, must, run } from './command.js';
import { COMPOSE_MODES } from './compose-cluster.js';
import { expectThat, type Report } from './report.js';

const KUBERNETES = '1.31.0';
const CONTROLLER = 'failover.controller=etcd://etcd-0.etcd:2379';

interface Rendered {
  kind?: string;
  spec?: { template?: { spec?: { containers?: { env?: { name: string }[] }[] } } };
}

/** Without the ServiceMonitor, which is no kind of Kubernetes' own. */
async function checkSchemas(chart: string): Promise<undefined> {
  const work = mkdtempSync(join(tmpdir(), 'ringmq-chart-'));
  try {
    for (const mode of COMPOSE_MODES) {
      const sets = ['--set', `mode=${mode}`, '--set', CONTROLLER, '--set', 'tls.existingSecret=certificate'];
      const file = join(work, `${mode}.yaml`);
      writeFileSync(
        file,
        await must('helm', ['template', 'mq', chart, '--kube-version', KUBERNETES, ...sets]),
      );
      await must('kubernetes-validate', ['--strict', '-k', KUBERNETES.replace(/\.\d+$/, ''), file]);
    }
    return undefined;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

export async function checkChart(report: Report, root: string): Promise<void> {
  if (find('helm') === null) {
    process.stdout.write('left out: the Helm chart is not rendered, as there is no helm here\n');
    return;
  }
  const chart = join(root, 'deploy/helm/ringmq');
  await report.check('helm finds nothing wrong with the chart', async () => {
    await must('helm', ['lint', '--strict', '--kube-version', KUBERNETES, chart]);
    return undefined;
  });
  for (const mode of COMPOSE_MODES) {
    await report.check(`the chart renders as ${mode}`, async () => {
      const values = [
        `mode=${mode}`,
        'serviceMonitor.enabled=true',
        'tls.existingSecret=certificate',
        CONTROLLER,
      ];
      const sets = values.flatMap((value) => ['--set', value]);
      const text = await must('helm', ['template', 'mq', chart, '--kube-version', KUBERNETES, ...sets]);
      const documents = parseAllDocuments(text, { strict: true, uniqueKeys: true });
      const faults = documents.flatMap(({ errors }) => errors.map(({ message }) => message));
      expectThat(faults.length === 0, faults.join('\n'));
      const kinds = documents
        .map((document) => document.toJS() as Rendered | null)
        .filter((each) => each !== null);
      const count = (kind: string): number => kinds.filter((each) => each.kind === kind).length;
      // Name servers have one, each set has one for its master and one for its slaves.
      const perSet = mode === 'async-replication' || mode === 'sync-double-write' ? 2 : 1;
      const setCount = mode === 'single' ? 1 : 2;
      expectThat(count('StatefulSet') === 1 + setCount * perSet, `${count('StatefulSet')} StatefulSets`);
      expectThat(count('PodDisruptionBudget') === 1 + setCount, `${count('PodDisruptionBudget')} budgets`);
      return `${kinds.length} objects`;
    });
  }
  if (find('kubernetes-validate') === null) {
    process.stdout.write(
      "left out: Kubernetes' own schemas, as there is no kubernetes-validate here (PyPI has it)\n",
    );
  } else {
    await report.check("what the chart renders is as Kubernetes' schemas say", () => checkSchemas(chart));
  }
  await report.check('the chart refuses values that its schema does not know', async () => {
    const { status, stderr } = await run('helm', [
      'template',
      'mq',
      chart,
      '--kube-version',
      KUBERNETES,
      '--set',
      'mode=two',
    ]);
    expectThat(status !== 0 && /\bmode'?:? /.test(stderr), stderr);
    return undefined;
  });
}
