import { describe, expect, it } from 'vitest'
import type { AcceptedTarget } from '#routes/policy.ts'
import type { Problem } from '#routes/problem.ts'
import type { PathReading } from '#routes/structure.ts'
import type { Table } from '#routes/table.ts'
import { choose } from '../../edge-worker/choice.ts'
import { readIncoming } from '../../edge-worker/facts.ts'
import { match } from '../../gateway/intake/match.ts'
import { exchangeOf } from '../gateway/exchange.ts'
import { placementSet, policy, route, service, structure, tableOf } from '../support/tables.ts'
import { Random } from './generators/random.ts'
import { services } from './generators/services.ts'
import { spellingOf } from './generators/spellings.ts'

/** Behind a catch-all that anybody may use stands a part that only few may: no way to write its path leads around its guard. */

const guarded = { ...policy, auth: { scopes: ['admin'] } }

function tableFor(
  unsafeTargets: 'reject' | 'observe',
  accepts?: readonly AcceptedTarget[],
  pathReadings?: readonly PathReading[],
) {
  const open = { ...policy, ...(accepts && { accepts }) }
  return tableOf(
    structure(
      [
        route('/**', { service: 'site', policy: open }),
        route('/Admin/**', { service: 'site', policy: guarded, host: 'old.example.com' }),
        route('/admin/**', { service: 'site', policy: guarded, host: 'api.example.com' }),
        route('/things/{id}:seal', { service: 'site', policy: guarded }),
      ],
      {
        hosts: ['api.example.com', 'old.example.com'].map((name) => ({ name, aliases: [], unsafeTargets })),
        services: [service('site', { ...(pathReadings && { pathReadings }) })],
      },
    ),
    placementSet([]),
  )
}

const tables: Readonly<Record<string, Table>> = {
  reject: await tableFor('reject'),
  'reject, but encoded slashes': await tableFor('reject', ['encoded-slash']),
  'reject, but double slashes': await tableFor('reject', ['double-slash']),
  'reject, but both': await tableFor('reject', ['encoded-slash', 'double-slash']),
  observe: await tableFor('observe'),
}

type Outcome = 'refused' | 'guarded' | 'by a reading' | 'open'

/** What a gateway makes of a target that reaches it. */
function outcome(table: Table, target: string, host = 'api.example.com'): Outcome {
  const x = exchangeOf([], { target, host })
  try {
    void match(() => table).before?.(x)
  } catch (refused) {
    expect((refused as Problem).code).toBe('target-unsafe')
    return 'refused'
  }
  if (x.decision?.route?.policy.auth !== 'public') return 'guarded'
  return x.readings.some(({ policy: other }) => other.auth !== 'public') ? 'by a reading' : 'open'
}

/** What reaches the gateway by way of an edge; undefined = the edge refuses it. */
function throughEdge(table: Table, target: string): string | undefined {
  const host = 'api.example.com'
  const settings = {
    platform: 'self-hosted',
    trustedClientIpHeader: undefined,
    trustedCountryHeader: undefined,
  } as const
  const url = `http://${host}${target}`
  const incoming = readIncoming({ method: 'GET', url, headers: new Headers({ host }) }, settings, () => 'r1')
  return choose(table, incoming, ['onprem', 'cloud']) === 'target-unsafe' ? undefined : incoming.sent
}

function readersOf(target: string): string[] {
  return Object.keys(services).filter((reader) => isAdmin(services[reader]?.(target)))
}

function judged(name: string, target: string, readers: readonly string[]): Outcome {
  const found = outcome(tables[name] as Table, target)
  if (found === 'open' && readers.length > 0) expect.fail(`${target} is /admin to ${readers.join(', ')} (${name})`)
  return found
}

const isAdmin = (path: string | undefined) => path === '/admin' || path?.startsWith('/admin/') === true

const readings: Readonly<Record<string, readonly PathReading[]>> = {
  nginx: ['merge-slashes', 'decode-slash', 'dot-segments'],
  servlet: ['servlet', 'merge-slashes', 'decode-slash', 'dot-segments'],
  express: ['ignore-case'],
  whatwg: ['decode-slash', 'dot-segments'],
  windows: ['ignore-case', 'merge-slashes', 'decode-slash', 'dot-segments'],
  inC: ['decode-slash'],
}

const known =
  '/admin /./admin /%2e/admin /x/../admin /x/%2e%2e/admin /x/..;/admin /admin;a /;/admin /;a/admin //admin /admin//x /%2fadmin /%2Fadmin /admin%2fx /admin%2Fx /%5cadmin /\\admin /x\\..\\admin /admin%5cx /admin%00 /admin%00.css /ADMIN /Admin/x /%61dmin /%41dmin /adm%69n /%2561dmin /%252e/admin /admin/. /admin/ /x%2f..%2fadmin /.;/admin'.split(
    ' ',
  )

describe('a guarded path', () => {
  it.each(Object.keys(tables))('P5, P6: no known spelling of it leads around the guard where hosts %s', (name) => {
    for (const spelling of known) {
      expect([spelling, outcome(tables[name] as Table, spelling)]).not.toContain('open')
    }
  })

  it('P6: an escaped colon does not lead around a route that ends in one', () => {
    expect(outcome(tables['reject'] as Table, '/things/7%3Aseal')).toBe('by a reading')
    expect(outcome(tables['reject'] as Table, '/things/7:seal')).toBe('guarded')
    expect(outcome(tables['reject'] as Table, '/things/7')).toBe('open')
  })

  it('P6: one that is written with capitals is guarded in small letters, too', () => {
    expect(outcome(tables['reject'] as Table, '/admin', 'old.example.com')).toBe('by a reading')
    expect(outcome(tables['reject'] as Table, '/Admin', 'old.example.com')).toBe('guarded')
  })

  it('P6, P7, P9: none of 10,000 spellings leads around the guard, whatever the host allows and the service is', () => {
    const random = new Random(2035)
    const count = { refused: 0, guarded: 0, 'by a reading': 0, open: 0 }
    for (let made = 0; made < 10_000; made++) {
      const spelling = spellingOf(random.pick(['/admin', '/admin/users']), random)
      const readers = readersOf(spelling)
      for (const [name, table] of Object.entries(tables)) {
        const sent = throughEdge(table, spelling)
        if (readers.length > 0) count[judged(name, spelling, readers)]++
        // Dot segments are resolved on the way through an edge: then the service gets another path.
        if (sent !== undefined && sent !== spelling) judged(name, sent, readersOf(sent))
      }
    }
    // What only a reading found is what a gateway without them would have let through: the models and spellings can tell.
    expect(count['by a reading']).toBeGreaterThan(5_000)
    expect(count.refused).toBeGreaterThan(5_000)
  })

  it.each(Object.entries(readings))(
    'P6: a service read as %s needs no other readings than its own',
    async (name, own) => {
      const random = new Random(7)
      const table = await tableFor('observe', undefined, own)
      let byReading = 0
      for (let made = 0; made < 2_000; made++) {
        const spelling = spellingOf('/admin/users', random)
        if (!isAdmin(services[name]?.(spelling))) continue
        const found = outcome(table, spelling)
        if (found === 'by a reading') byReading++
        expect([spelling, found]).not.toContain('open')
      }
      expect(byReading).toBeGreaterThan(20)
    },
  )
})
