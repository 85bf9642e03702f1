/**
 * What plain HTTP on the broker's port is answered: the dashboard at `/`, `/healthz` and `/readyz` for
 * whoever restarts or routes, `/metrics` for Prometheus. Everything is read from the broker's statistics.
 */
import type { EngineThread } from '../../engine/engine-thread.js';
import type { HttpAnswer, HttpRequest, ListenerOptions } from '../../native-free/listener/types.js';
import { setTimeout, unref } from '../../native-free/time/index.js';
import { type BrokerStats, isRingMQError, SUBPROTOCOL } from '../../native-free/wire/index.js';
import { isLoopback } from '../../native-free/wire/loopback.js';
import { ApiDoor } from './api-door.js';
import { DashboardFiles } from './dashboard-files.js';
import { metricsText } from './metrics.js';
import { METRICS_TYPE } from './metrics-text.js';

/** One reading serves all who ask within this time, so that no number of askers costs more than a few readings a second. */
const FRESH_MS = 250;
/** The same of a page of metrics, which has thousands of rows. */
const FRESH_PAGE_MS = 1_000;

const NOT_FOUND: HttpAnswer = {
  status: 404,
  body: 'There is nothing here. Look at /healthz, /readyz or /metrics.\n',
};

export interface HttpAnswersOptions {
  /** The listener's; on a loopback listener a request must name loopback as its host, against pages that rebind their domain. */
  readonly host: ListenerOptions['host'];
  /** Clients of this listener log in. */
  readonly auth: boolean;
  /** `/metrics` is for who may ask how the broker stands. */
  readonly metricsAuth: boolean;
  /** `/metrics` has a row for each queue, too. */
  readonly queueMetrics: boolean;
  /** … and one for each of so many pairs of group and topic. */
  readonly groupMetrics: number;
}

export class HttpAnswers {
  readonly #engine: EngineThread;
  readonly #options: HttpAnswersOptions;
  readonly #api: ApiDoor;
  #reading: Promise<BrokerStats> | null = null;
  #page: Promise<HttpAnswer> | null = null;
  /** undefined: nobody has asked yet; null: the package was built without it. */
  #dashboard: DashboardFiles | null | undefined;

  /** `api`: answers what lies below `/api`. */
  constructor(engine: EngineThread, options: HttpAnswersOptions, api: ApiDoor) {
    this.#api = api;
    this.#engine = engine;
    this.#options = options;
  }

  /** Never rejects. */
  answer(request: HttpRequest): HttpAnswer | Promise<HttpAnswer> {
    this.#engine.meter.httpRequests++;
    const answer = this.#answerOf(request);
    if (!(answer instanceof Promise)) {
      return this.#counted(answer);
    }
    return answer.then((given) => this.#counted(given));
  }

  #counted(answer: HttpAnswer): HttpAnswer {
    const { meter } = this.#engine;
    meter.httpFailures += answer.status >= 400 ? 1 : 0;
    meter.publish();
    return answer;
  }

  #answerOf(request: HttpRequest): HttpAnswer | Promise<HttpAnswer> {
    if (ApiDoor.has(request.path) && this.#isNamedWell(request)) {
      return this.#api.answer(request);
    }
    if (request.path === '/metrics' && this.#options.metricsAuth && this.#isNamedWell(request)) {
      // Asked before anything is awaited: the request is gone then.
      return this.#metricsFor(request, this.#api.answer(standingInPlaceOf(request)));
    }
    return this.#answerItself(request);
  }

  /** The API says who asks and whether he may: a refusal is passed on as it is. */
  async #metricsFor(request: HttpRequest, asked: HttpAnswer | Promise<HttpAnswer>): Promise<HttpAnswer> {
    const answer = await asked;
    return answer.status === 200 ? this.#answerItself(request) : answer;
  }

  #isNamedWell({ host }: HttpRequest): boolean {
    return !isLoopback(this.#options.host) || isLoopback(hostName(host));
  }

  async #answerItself(request: HttpRequest): Promise<HttpAnswer> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return { status: 405, body: 'Only GET is answered here.\n' };
    }
    if (!this.#isNamedWell(request)) {
      return {
        status: 403,
        body: 'This broker is asked by the name of this machine only: 127.0.0.1 or localhost.\n',
      };
    }
    try {
      const answer = await this.#answer(request);
      return request.method === 'HEAD' ? { ...answer, body: '' } : answer;
    } catch (error) {
      const text = isRingMQError(error) ? `${error.code}: ${error.message}` : `INTERNAL: ${String(error)}`;
      return { status: 503, body: `${text}\n` };
    }
  }

  async #answer({ path, headers }: HttpRequest): Promise<HttpAnswer> {
    if (path === '/' || path.startsWith('/assets/')) {
      if (this.#dashboard === undefined) {
        this.#dashboard = DashboardFiles.read({
          backend: 'socket',
          login: this.#options.auth ? 'needed' : 'not needed',
          connect: "'self'",
        });
      }
      const file = this.#dashboard?.answer(path, headers);
      if (file !== undefined && file !== null) {
        return file;
      }
    }
    switch (path) {
      case '/':
        return { status: 200, body: `RingMQ broker. Speak WebSocket here, subprotocol ${SUBPROTOCOL}.\n` };
      case '/healthz':
        return health(await this.#stats());
      case '/readyz':
        return readiness(await this.#stats());
      case '/metrics':
        return await this.#metrics();
      default:
        return NOT_FOUND;
    }
  }

  /** Rendering takes some ms, so it is shared as the readings are; and so are the bytes. */
  #metrics(): Promise<HttpAnswer> {
    this.#page ??= this.#render().finally(() => {
      unref(
        setTimeout(() => {
          this.#page = null;
        }, FRESH_PAGE_MS),
      );
    });
    return this.#page;
  }

  async #render(): Promise<HttpAnswer> {
    const { queueMetrics, groupMetrics } = this.#options;
    const text = await metricsText({
      stats: await this.#stats(),
      standing: await this.#engine.call('standing', {}),
      groups: groupMetrics === 0 ? null : await this.#engine.call('groupLags', { limit: groupMetrics }),
      queues: queueMetrics ? await this.#engine.call('queueStats', {}) : null,
    });
    return { status: 200, body: Buffer.from(text), contentType: METRICS_TYPE };
  }

  #stats(): Promise<BrokerStats> {
    if (this.#reading === null) {
      const reading = this.#engine.call('stats', {});
      this.#reading = reading;
      const forget = (): void => {
        unref(
          setTimeout(() => {
            this.#reading = null;
          }, FRESH_MS),
        );
      };
      reading.then(forget, forget);
    }
    return this.#reading;
  }
}

/** A question to the API that needs the same right, and costs little. */
function standingInPlaceOf(request: HttpRequest): HttpRequest {
  const { host, headers, remote, isSecure, certifiedUser } = request;
  return {
    method: 'GET',
    path: '/api/v1/standing',
    query: '',
    host,
    headers,
    remote,
    isSecure,
    certifiedUser,
    takeBody: (reader) => request.takeBody(reader),
  };
}

/** Alive: the thread answers, and so does the one that opened the broker. A failed disk needs a restart. */
function health(stats: BrokerStats): HttpAnswer {
  return stats.disk === 'failed'
    ? { status: 503, body: 'DISK_FAILED: nothing is written any more; see the log, and restart the broker\n' }
    : { status: 200, body: 'ok\n' };
}

/** Ready: sends are taken. */
function readiness(stats: BrokerStats): HttpAnswer {
  return stats.disk === 'full'
    ? { status: 503, body: 'DISK_FULL: sends are refused until there is room; reading goes on\n' }
    : health(stats);
}

/** Of a Host header. */
function hostName(header: string): string {
  return header.replace(/:\d*$/, '');
}
