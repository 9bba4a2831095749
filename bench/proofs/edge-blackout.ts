/**
 * `npm run prove -- edge-blackout`: control plane, colo cache, KV and one site fall silent under load and isolates begin
 * anew, and nobody who reads notices. On both hosts of the worker. Edge, runtime, bindings and gateways are real; what
 * stands behind the bindings of KV and Cache API, and the control plane, are fakes that can fall silent.
 */
import { fileURLToPath } from 'node:url'
import type { BenchOptions } from '../command.ts'
import { grouped, printTable } from '../print.ts'
import { type BlackoutOptions, type BlackoutResult, blackout, type Step } from '../support/edge-blackout/blackout.ts'
import { type EdgeHost, platform, selfHosted } from '../support/edge-blackout/edge-hosts.ts'
import { openSurroundings, type Surroundings } from '../support/edge-blackout/surroundings.ts'
import { type Allowed, addedMs, failed, faults, isSlower, percentileMs } from '../support/edge-blackout/verdict.ts'

const dark = { silent: ['control plane'] } as const
const onSelfHosted: readonly Step[] = [
  { name: 'all is well' },
  { name: 'control plane silent', ...dark },
  { name: 'cloud down, too', cloudDown: true },
  { name: 'each workerd killed', restart: 'new script' },
]
const onPlatform: readonly Step[] = [
  { name: 'all is well' },
  { name: 'control plane silent, new isolates', ...dark, restart: 'old script' },
  { name: 'colo cache silent, new isolates', silent: ['colo cache'], restart: 'old script' },
  { name: 'KV silent, new isolates', silent: ['KV'], restart: 'new script' },
  { name: 'cloud down, too', cloudDown: true },
  { name: 'new isolates', restart: 'new script' },
]
const inControl: readonly Step[] = [{ name: 'all is well' }, { name: 'control plane silent', ...dark }]
const controlStepMs = 3_000

interface ProofOptions extends BlackoutOptions {
  readonly hosts: readonly (keyof typeof hosts)[]
  readonly allowed: Allowed
}

const hosts = {
  'self-hosted': { open: selfHosted, steps: onSelfHosted },
  platform: { open: (around: Surroundings, name: string) => platform(around, name), steps: onPlatform },
} as const

export async function prove({ long, seed }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  return proveEdgeBlackout({
    seed,
    perSecond: 50,
    stepMs: long ? 60_000 : 5_000,
    hosts: ['self-hosted', 'platform'],
    allowed: { share: 0.15, ms: 1 },
  })
}

export async function proveEdgeBlackout(options: ProofOptions): Promise<{ pass: boolean; figures: string }> {
  const { allowed, seed } = options
  const claimed: BlackoutResult[] = []
  for (const host of options.hosts) claimed.push(await run(host, hosts[host].open, hosts[host].steps, options))
  const asking = fileURLToPath(new URL('../support/edge-blackout/worker/asking-worker.ts', import.meta.url))
  const control = await run(
    'that asks for its table before each request',
    (around, name) => platform(around, name, asking),
    inControl,
    { ...options, stepMs: Math.min(options.stepMs, controlStepMs) },
  )

  const steps = claimed.flatMap((result) => result.steps)
  const reads = steps.flatMap(({ due }) => due)
  const bareFailed = steps.flatMap(({ bare }) => bare).filter(failed).length
  const wrong = claimed.flatMap((result) => faults(result, allowed))
  for (const text of wrong) console.log(text)
  const waited = control.steps.filter((step) => isSlower(step, allowed))
  const figures =
    `${grouped(reads.length)} reads, ${reads.filter(failed).length} failed, ` +
    `at most ${Math.max(...steps.map(addedMs)).toFixed(2)} ms slower than through an undisturbed edge (p50), ` +
    `the next table after ${claimed.map(({ adoptedMs }) => Math.round(adoptedMs)).join(' and ')} ms; ` +
    `controls: without failover ${grouped(bareFailed)} failed, asked before each request ` +
    `${Math.max(...control.steps.map(addedMs)).toFixed(0)} ms slower; seed ${seed}`
  return { pass: wrong.length === 0 && bareFailed > 0 && waited.length > 0, figures }
}

/** With sites of its own, since it ends one of them. */
async function run(
  host: string,
  open: (around: Surroundings, name: string) => Promise<EdgeHost>,
  steps: readonly Step[],
  options: BlackoutOptions,
): Promise<BlackoutResult> {
  await using around = await openSurroundings()
  const result = await blackout(around, open, host, steps, options)
  console.log(`An edge ${host}`)
  printTable(
    ['step', 'reads', 'failed', 'sent again', 'p50 ms', 'undisturbed', 'added', 'p99', 'no failover', 'tables held'],
    result.steps.map((step) => [
      step.name,
      grouped(step.due.length),
      step.due.filter(failed).length,
      step.due.filter(({ again }) => again).length,
      percentileMs(step.due, 0.5).toFixed(2),
      percentileMs(step.calm, 0.5).toFixed(2),
      addedMs(step).toFixed(2),
      percentileMs(step.due, 0.99).toFixed(0),
      `${step.bare.filter(failed).length} of ${step.bare.length} failed`,
      step.held,
    ]),
  )
  console.log(`All is back: the next table at each isolate after ${Math.round(result.adoptedMs)} ms\n`)
  return result
}
