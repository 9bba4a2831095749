import { stringify } from 'yaml'
import { problems } from '../errors.ts'
import { count, json } from '../print.ts'
import type { Session } from '../session.ts'
import { sentenceOf } from './catalog.ts'

interface AddOptions {
  readonly url: string
  readonly path: string
  readonly site?: string
  readonly team?: string
  readonly public?: true
  readonly replace?: true
  readonly reason?: string
}

/** `tidegate service add hello --url http://127.0.0.1:3000 --path '/hello/**'`: merged into the catalog that runs. */
export async function add(session: Session, [name = '']: readonly string[], options: AddOptions): Promise<void> {
  const { client, out, tell, format } = session
  if (!options.replace) await refuseKnown(session, name)
  const site = options.site ?? (await firstSite(session))
  const team = options.team ?? (await firstTeam(session))
  const document = {
    service: name,
    owner: team,
    deployments: { [site]: { url: options.url } },
    routes: [{ path: options.path, ...(options.public ? { auth: 'public' } : {}) }],
  }
  const files = [{ file: `services/${name}.yaml`, text: stringify(document) }]
  const applied = await client.apply({ files, mode: 'merge', reason: options.reason ?? `service add ${name}` })
  if (format === 'json') return out(json(applied))
  out(sentenceOf(applied))
  out(`${name} is served at ${options.path} from ${site}, owned by ${team}.`)
  if (!options.public) tell('Callers need a token; with --public they would not.')
  tell(`Look: tidegate explain GET ${options.path.replace('/**', '/x').replace(/\{[^}]*\}/g, 'x')}`)
}

/** A merge puts its document in the place of a namesake's: routes of somebody's service would be gone in silence. */
async function refuseKnown({ client }: Session, name: string): Promise<void> {
  const known = (await client.services()).find(({ service }) => service === name)
  if (known === undefined) return
  throw problems['service-known']({ service: name, team: known.team, routes: count(known.routes, 'route') })
}

async function firstSite({ client }: Session): Promise<string> {
  const [site] = await client.sites()
  if (site !== undefined) return site.name
  throw problems['usage-wrong']({
    reason: 'There is no catalog yet that has a site',
    usage: 'Apply one first: tidegate apply DIR',
  })
}

/** The team that most services name, so that a first try needs no look into teams.yaml. */
async function firstTeam({ client }: Session): Promise<string> {
  const counts = new Map<string, number>()
  for (const { team } of await client.services()) {
    counts.set(team, (counts.get(team) ?? 0) + 1)
  }
  const [most] = [...counts].sort(([a, more], [b, less]) => less - more || (a < b ? -1 : 1))
  if (most !== undefined) return most[0]
  throw problems['usage-wrong']({
    reason: 'No team is known yet',
    usage: 'Name one: --team NAME (teams.yaml lists them).',
  })
}
