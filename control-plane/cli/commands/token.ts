import type { Scope } from '../../api-client/access-schema.ts'
import { problems } from '../errors.ts'
import { json, table, time } from '../print.ts'
import type { Session } from '../session.ts'

/** `tidegate token create NAME --scope read` */
export async function create(
  { client, out, tell, format }: Session,
  [name = '']: readonly string[],
  { scope = [], expiresIn }: { scope?: readonly string[]; expiresIn?: string },
): Promise<void> {
  if (scope.length === 0) {
    throw problems['usage-wrong']({
      reason: 'A token without a scope opens nothing',
      usage: `tidegate token create ${name} --scope read   (also: apply, flip, purge, token, metrics, admin)`,
    })
  }
  if (expiresIn !== undefined && !/^\d{1,4}[hd]$/.test(expiresIn)) {
    throw problems['usage-wrong']({
      reason: `--expires-in ${expiresIn} is not a time`,
      usage: 'Give whole hours or days, at most a year: 12h, 30d',
    })
  }
  // A scope that does not exist is refused by the control plane, with those that do.
  const scopes = scope.flatMap((word) => word.split(',')) as Scope[]
  const made = await client.createToken({ name, scopes, ...(expiresIn === undefined ? {} : { expiresIn }) })
  if (format === 'json') return out(json(made))
  // Alone on standard output, so that a script can take it: TOKEN=$(tidegate token create ci --scope apply)
  out(made.token)
  tell(`${made.name} may ${made.scopes.join(', ')} until ${time(made.expiresAt)}. The token is shown only now.`)
  tell(`Undo: tidegate token rm ${made.id}`)
}

/** Beyond what a date can say: a token of the configuration. */
const never = 8.64e15

/** `tidegate token ls` */
export async function list({ client, out, format }: Session): Promise<void> {
  const tokens = await client.tokens()
  if (format === 'json') return out(json(tokens))
  out(
    table(tokens, [
      { head: 'id', of: ({ id }) => id },
      { head: 'name', of: ({ name }) => name },
      { head: 'scopes', of: ({ scopes }) => scopes.join(',') },
      { head: 'by', of: ({ createdBy }) => createdBy },
      { head: 'created', of: ({ createdAt }) => time(createdAt) },
      { head: 'expires', of: ({ expiresAt }) => (expiresAt < never ? time(expiresAt) : undefined) },
      { head: 'revoked', of: ({ revokedAt }) => (revokedAt === undefined ? undefined : time(revokedAt)) },
    ]),
  )
}

/** `tidegate token rm ID` */
export async function remove({ client, out, format }: Session, [id = '']: readonly string[]): Promise<void> {
  if (!/^[0-9A-Z]{26}$/.test(id)) {
    const usage = 'See the ids: tidegate token ls. A token of the configuration goes by taking it out there.'
    throw problems['usage-wrong']({ reason: `"${id}" is not the id of a token that can be revoked`, usage })
  }
  await client.revokeToken(id)
  out(format === 'json' ? json({ id, revoked: true }) : `Revoked ${id}.`)
}
