import { resolve } from 'node:path'
import { writeKeys } from '../local/keys.ts'
import { type ListedKey, listPurpose, type Rotated, rotated, rotateKeys } from '../local/rotate-keys.ts'
import type { Step } from '../local/rotation.ts'
import { json, table, time } from '../print.ts'
import type { LocalOptions, Surroundings } from '../session.ts'

/** `tidegate keys init DIR` */
export async function init(
  { out, folder }: Surroundings,
  [dir = '.']: readonly string[],
  { output }: LocalOptions,
): Promise<void> {
  const { written, kept } = await writeKeys(resolve(folder, dir))
  if (output === 'json') return out(json({ written, kept }))
  for (const file of written) out(`written  ${file}`)
  for (const file of kept) out(`kept     ${file}`)
}

/** `tidegate keys ls DIR`: which keys there are, and how old; no secret. */
export async function list(
  { out, folder }: Surroundings,
  [dir = '.']: readonly string[],
  { output }: LocalOptions,
): Promise<void> {
  const purposes = await Promise.all(rotated.map((purpose) => listPurpose(resolve(folder, dir), purpose)))
  const rows = purposes.flatMap(({ keys, next }) => keys.map((key) => ({ ...key, ...(next && { next }) })))
  if (output === 'json') return out(json(rows))
  out(
    table(rows, [
      { head: 'purpose', of: ({ purpose }) => purpose },
      { head: 'key', of: ({ id }) => id },
      { head: 'use', of: ({ use }) => use },
      { head: 'created', of: ({ createdAt }) => createdAt && time(createdAt) },
      { head: 'days', of: ({ createdAt }) => createdAt && ageDays(createdAt), right: true },
      { head: 'next step', of: ({ next }) => next },
    ]),
  )
}

/** `tidegate keys rotate DIR PURPOSE --step add|use|retire` */
export async function rotate(
  { out, tell, folder }: Surroundings,
  [dir = '.', purpose]: readonly string[],
  { output, step }: LocalOptions & { readonly step: Step },
): Promise<void> {
  const of = purpose as Rotated
  const { keys, next } = await rotateKeys(resolve(folder, dir), of, step)
  if (output === 'json') return out(json({ purpose: of, step, keys, next, reload: readers[of] }))
  for (const key of keys) out(`${of} ${describe(key)}`)
  tell(`Now: ${now[step](of)}`)
  if (step === 'use') tell(`Wait: ${patience[of]}`)
  if (step !== 'retire') tell(`Then: tidegate keys rotate ${dir} ${of} --step ${next}`)
}

const describe = ({ id, use }: ListedKey): string => `${id} ${use}`
const ageDays = (createdAt: string): number => Math.floor((Date.now() - Date.parse(createdAt)) / 86_400_000)

/** Who reads the files of a purpose. */
const readers: Readonly<Record<Rotated, readonly string[]>> = {
  'edge-gateway': ['all gateways', 'all edges'],
  'gateway-gateway': ['all gateways'],
  'control-gateway': ['all gateways', 'the control plane'],
  'edge-control': ['all edges', 'the control plane'],
  tables: ['all gateways', 'all edges'],
}

const now: Readonly<Record<Step, (purpose: Rotated) => string>> = {
  add: (purpose) => `${reload(purpose)}. There the new key is believed from then on; nobody signs with it yet.`,
  use: (purpose) =>
    purpose === 'tables'
      ? 'give tables.json to the control plane, and restart it. It seals both documents anew; see in `tidegate status` that they are adopted.'
      : `${reload(purpose)}. They sign with the new key from then on, and still believe the old one.`,
  retire: (purpose) => `${reload(purpose)}. That ends it.`,
}

/** What was signed under the old key, and is still in use when the last program signs with the new one. */
const patience: Readonly<Record<Rotated, string>> = {
  'edge-gateway':
    '30 days where a host has `stickyCookie`: so long clients hold cookies of the old key. Else a minute.',
  'gateway-gateway': 'a minute, for what is on its way.',
  'control-gateway': 'five minutes, for the words of `tidegate edge doctor`.',
  'edge-control': 'a day where testers hold words of `tidegate edge force`. Else a minute.',
  tables: 'until edges on Cloudflare run a script that bundles what is sealed anew: `tidegate edge versions`.',
}

function reload(purpose: Rotated): string {
  return `give the file to all that read it, and have them read it (SIGHUP): ${readers[purpose].join(', ')}`
}
