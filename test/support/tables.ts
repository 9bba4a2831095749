import { generateKeyPairSync } from 'node:crypto'
import type { Placement } from '#routes/placement.ts'
import { encodePlacements } from '#routes/placements-codec.ts'
import type { RoutePolicy } from '#routes/policy.ts'
import { receive } from '#routes/receive.ts'
import { type SealedDocument, type SigningKey, seal, signingKey, type TrustedKeys, trustedKeys } from '#routes/seal.ts'
import { type RouteFacts, routeId, type ServiceFacts, type Structure } from '#routes/structure.ts'
import { encodeStructure } from '#routes/structure-codec.ts'
import type { PlacementSet, Table } from '#routes/table.ts'

/** Tables for tests: two sites, `api.example.com`, and whatever routes a test wants. */

export const policy: RoutePolicy = {
  auth: 'public',
  timeout: { connectMs: 1_000, firstByteMs: 5_000, totalMs: 30_000 },
  maxBodyBytes: 100 * 1024 * 1024,
}

export function route(pattern: string, facts: Partial<RouteFacts> = {}): RouteFacts {
  const service = facts.service ?? 'orders'
  const made = { service, unit: facts.unit ?? service, pattern, policy, ...facts }
  return { ...made, id: routeId(made) }
}

export function service(id: string, facts: Partial<ServiceFacts> = {}): ServiceFacts {
  return {
    id,
    team: 'team-one',
    tier: 3,
    state: 'shared',
    home: 'onprem',
    key: ['header:x-device-id', 'authorization'],
    deployments: [
      { site: 'onprem', url: 'http://127.0.0.1:9' },
      { site: 'cloud', url: 'http://127.0.0.1:9' },
    ],
    ...facts,
  }
}

export function structure(routes: readonly RouteFacts[], facts: Partial<Structure> = {}): Structure {
  const site = (name: string) => ({ name, provider: 'own', country: 'DE', region: 'r1', origin: `http://${name}.test` })
  return {
    number: 1,
    mayShrink: false,
    defaultSite: 'onprem',
    sites: [site('onprem'), site('cloud')],
    hosts: [{ name: 'api.example.com', aliases: ['localhost', '127.0.0.1'], unsafeTargets: 'reject' }],
    services: [...new Set(routes.map((one) => one.service))].map((id) => service(id)),
    routes: routes.toSorted((a, b) => (a.pattern < b.pattern ? -1 : 1)),
    ...facts,
  }
}

export function placement(unit: string, facts: Partial<Placement> = {}): Placement {
  return { unit, epoch: 1, owner: 'onprem', cohort: 'wave-1', key: ['header:x-device-id', 'authorization'], ...facts }
}

export function placementSet(placements: readonly Placement[], facts: Partial<PlacementSet> = {}): PlacementSet {
  const bounds = { structure: { min: 1, max: Number.MAX_SAFE_INTEGER } }
  return { number: 1, ...bounds, parent: '', author: 'test', reason: 'test', at: 0, placements, ...facts }
}

export interface Sealer {
  readonly signing: SigningKey
  readonly trusted: TrustedKeys
  /** As key files hold them. */
  readonly files: { id: string; privateKey: string; publicKey: string }
  structure(value: Structure): Promise<SealedDocument>
  placements(value: PlacementSet): Promise<SealedDocument>
}

export async function makeSealer(id = 't1'): Promise<Sealer> {
  const pair = generateKeyPairSync('ed25519')
  const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64url')
  const publicKey = pair.publicKey.export({ format: 'jwk' }).x as string
  const signing = (await signingKey(id, privateKey)) as SigningKey
  return {
    signing,
    trusted: (await trustedKeys([{ id, publicKey }])) as TrustedKeys,
    files: { id, privateKey, publicKey },
    structure: (value) => seal('structure', encodeStructure(value), signing),
    placements: (value) => seal('placements', encodePlacements(value), signing),
  }
}

export async function tableOf(structureValue: Structure, set: PlacementSet, sealer?: Sealer): Promise<Table> {
  const by = sealer ?? (await makeSealer())
  const offer = { structure: await by.structure(structureValue), placements: await by.placements(set) }
  const { table, refusals } = await receive(undefined, offer, by.trusted)
  if (table === undefined) throw new Error(`the test's own table was refused: ${JSON.stringify(refusals)}`)
  return table
}

export function request(
  method: string,
  target: string,
  headers: Record<string, string> = {},
  host = 'api.example.com',
) {
  return { method, host, target, header: (name: string) => headers[name] }
}
