import { hash } from 'node:crypto'
import type { Table } from '#routes/table.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import type { TableHolder } from '../fence/table-holder.ts'
import type { Phase } from '../phase.ts'
import type { Lease } from '../reload/shared-parts.ts'
import type { HeadOptions } from '../upstream/request-head.ts'
import { readCertificates } from '../upstream/upstream-tls.ts'
import { addressRules } from './address-rules.ts'
import { answerEdits } from './answer-edits.ts'
import { compress, compressOutcomes } from './compress.ts'
import { cors } from './cors.ts'
import { gatewayAnswer } from './gateway-answer.ts'
import { mirror, shadowOutcomes, shadowSides } from './mirror.ts'
import { preflight } from './preflight.ts'
import { rewrite } from './rewrite.ts'
import { ShadowServices } from './shadow-services.ts'
import { validate, validateOutcomes } from './validate.ts'

export interface TransformsOptions {
  readonly site: string
  readonly head: HeadOptions
  readonly certificates: Parameters<typeof readCertificates>[0]
  readonly path: (relative: string) => string
  /** Requests under way in this process, of what may be: 0..1. */
  readonly filled: () => number
  readonly lease: Lease
  readonly holder: TableHolder
  readonly metrics: Metrics
  readonly clock: Clock
  readonly background: Background
  readonly log: Log
}

export interface Transforms {
  readonly preflight: Phase
  readonly cors: Phase
  readonly addressRules: Phase
  readonly validate: Phase
  readonly gatewayAnswer: Phase
  readonly compress: Phase
  readonly answerEdits: Phase
  readonly rewrite: Phase
  readonly mirror: Phase
}

/** Above this share of requests under way, copies are given up: they are the least of what a process has to do. */
const calmBelow = 0.7

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** What routes ask for beside being served by their service; `phases.ts` has their order. */
export function openTransforms(options: TransformsOptions): Transforms {
  const { site, head, filled, holder, metrics, clock, background, log } = options
  return {
    preflight: preflight(() => holder.current),
    cors,
    addressRules: addressRules(log),
    validate: validate({
      log,
      outcomes: metrics.counter('tidegate_validation_faults_total', 'Requests that were not as a schema says.', {
        route: { atMost: 500 },
        outcome: validateOutcomes,
      }),
    }),
    gatewayAnswer: gatewayAnswer(log),
    compress: compress(
      metrics.counter('tidegate_compressible_answers_total', 'Answers that might be compressed, by what they were.', {
        coding: compressOutcomes,
      }),
    ),
    answerEdits: answerEdits(log),
    rewrite: rewrite({ site, identityNames: head.strip ?? new Set(), log }),
    mirror: mirror({
      ...head,
      site,
      services: openShadowServices(options),
      calm: () => filled() < calmBelow,
      clock,
      background,
      copies: metrics.counter(
        'tidegate_shadow_copies_total',
        'Copies of requests to another site, by how they ended.',
        {
          unit: { atMost: 500 },
          outcome: shadowOutcomes,
        },
      ),
      seconds: metrics.histogram(
        'tidegate_shadow_seconds',
        'Copied requests, from the way in to the answer: its head from the owner, its end from the copy.',
        { side: shadowSides },
        seconds,
      ),
    }),
  }
}

function openShadowServices({ certificates, path, lease, holder, background }: TransformsOptions): ShadowServices {
  const texts = readCertificates(certificates, path)
  return lease.take(
    'shadow services',
    // Texts of keys are not kept in a name: their digest tells as well whether one changed.
    { digest: hash('sha256', JSON.stringify(texts), 'base64url') },
    () => {
      const opened = new ShadowServices(texts, background)
      const forget = holder.onChange((table: Table) => opened.retain(table))
      return { opened, forget }
    },
    async ({ opened, forget }) => {
      forget()
      await opened.close()
    },
  ).opened
}
