/** `tidegate get THINGS`: lists, as columns or as the API gives them. */
import type { Client } from '../../api-client/client.ts'
import { problems } from '../errors.ts'
import { type Column, json, table, time } from '../print.ts'
import type { Session } from '../session.ts'
import { splitOf } from '../split.ts'

export async function get({ client, out, format }: Session, [things = '']: readonly string[]): Promise<void> {
  const listing = listings[things] ?? listings[`${things}s`]
  if (listing === undefined) {
    const known = Object.keys(listings).join('|')
    throw problems['usage-wrong']({ reason: `There are no "${things}" to list`, usage: `tidegate get ${known}` })
  }
  const rows = await listing.rows(client)
  out(format === 'json' ? json(rows) : table(rows, listing.columns))
}

interface Listing {
  readonly rows: (client: Client) => Promise<readonly object[]>
  readonly columns: readonly Column<object>[]
}

function listing<Row extends object>(
  rows: (client: Client) => Promise<readonly Row[]>,
  columns: readonly Column<Row>[],
): Listing {
  // The columns see only rows of their own list.
  return { rows, columns: columns as readonly Column<object>[] }
}

const listings: Readonly<Record<string, Listing>> = {
  services: listing(
    (client) => client.services(),
    [
      { head: 'service', of: ({ service }) => service },
      { head: 'team', of: ({ team }) => team },
      { head: 'tier', of: ({ tier }) => tier, right: true },
      { head: 'state', of: ({ state }) => state },
      { head: 'home', of: ({ home }) => home },
      { head: 'deployments', of: ({ deployments }) => deployments.map(({ site }) => site).join(',') },
      { head: 'routes', of: ({ routes }) => routes, right: true },
    ],
  ),
  routes: listing(
    (client) => client.routes(),
    [
      { head: 'methods', of: ({ methods }) => methods?.join(',') ?? 'any' },
      { head: 'host', of: ({ host }) => host ?? 'any' },
      { head: 'path', of: ({ pattern }) => pattern },
      { head: 'service', of: ({ service }) => service },
      { head: 'unit', of: ({ unit }) => unit },
      { head: 'auth', of: ({ policy }) => authOf(policy) },
      // What a purge by route takes.
      { head: 'id', of: ({ id }) => id },
    ],
  ),
  tables: listing(
    (client) => client.tables(),
    [
      { head: 'kind', of: ({ kind }) => kind },
      { head: 'number', of: ({ number }) => number, right: true },
      { head: 'at', of: ({ at }) => time(at) },
      { head: 'author', of: ({ author }) => author },
      { head: 'reason', of: ({ reason }) => reason },
    ],
  ),
  sites: listing(
    (client) => client.sites(),
    [
      { head: 'site', of: ({ name }) => name },
      { head: 'provider', of: ({ provider }) => provider },
      { head: 'country', of: ({ country }) => country },
      { head: 'region', of: ({ region }) => region },
      { head: 'origin', of: ({ origin }) => origin },
    ],
  ),
  units: listing(
    (client) => client.units(),
    [
      { head: 'unit', of: ({ unit }) => unit },
      { head: 'team', of: ({ team }) => team },
      { head: 'epoch', of: ({ placement }) => placement.epoch, right: true },
      { head: 'now', of: ({ placement }) => splitOf(placement) },
      { head: 'changed', of: ({ changed }) => time(changed.at) },
      { head: 'by', of: ({ changed }) => changed.actor },
      { head: 'reason', of: ({ changed }) => changed.reason },
    ],
  ),
  gateways: listing(
    (client) => client.gateways(),
    [
      { head: 'site', of: ({ site }) => site },
      { head: 'instance', of: ({ instance }) => instance },
      { head: 'state', of: ({ state }) => state },
      { head: 'structure', of: ({ structure }) => structure, right: true },
      { head: 'placements', of: ({ placements }) => placements, right: true },
      { head: 'heard', of: ({ heardAt }) => time(heardAt) },
      { head: 'internal', of: ({ internalUrl }) => internalUrl },
    ],
  ),
}

/** `public`, or the scopes that a caller needs. */
function authOf(policy: unknown): string | undefined {
  const auth = (policy as { auth?: 'public' | { scopes: readonly string[] } } | undefined)?.auth
  if (auth === undefined || auth === 'public') return auth
  return auth.scopes.length === 0 ? 'any token' : auth.scopes.join(',')
}
