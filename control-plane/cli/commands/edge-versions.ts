/** `tidegate edge versions|publish|rollback`: the edge script on Cloudflare. */
import type { EdgePublication, EdgeVersionsAnswer } from '../../api-client/cloudflare-schema.ts'
import { refuseEmptyReason } from '../change.ts'
import { facts, json, table, time } from '../print.ts'
import type { Session } from '../session.ts'

export async function versions({ client, out, tell, format }: Session): Promise<void> {
  const answer = await client.edgeVersions()
  if (format === 'json') return out(json(answer))
  const { script, status } = answer
  out(
    facts({
      script,
      deployed: deployedOf(answer),
      channel: healthOf(status.script),
      kv: status.kv && `${healthOf(status.kv)}; has placements ${status.kv.written} of ${status.kv.wanted}`,
    }),
  )
  out('')
  out(
    table(answer.publications.slice(0, 10), [
      { head: 'at', of: ({ startedAt }) => time(startedAt) },
      { head: 'structure', of: ({ structure }) => structure, right: true },
      { head: 'placements', of: ({ placements }) => placements, right: true },
      { head: 'state', of: ({ state }) => state },
      { head: 'version', of: ({ versionId }) => versionId },
      { head: 'gzip', of: ({ gzipBytes }) => gzipBytes, right: true },
      { head: 'start ms', of: ({ startupMs, platformStartupMs }) => platformStartupMs ?? startupMs, right: true },
      { head: 'by', of: ({ actor }) => actor },
      { head: 'reason', of: ({ because, reason }) => because ?? reason },
    ]),
  )
  if (status.script.health === 'halted' || status.kv?.health === 'halted') {
    tell('Nothing is sent to Cloudflare: mend the token, then run: tidegate edge publish --reason "new token"')
  }
}

interface Reasoned {
  readonly reason: string
}

/** Answers when it has begun: it goes on by itself, for minutes. */
export async function publish(session: Session, _: readonly string[], { reason }: Reasoned): Promise<void> {
  refuseEmptyReason(reason)
  const answer = await session.client.publishEdge(reason)
  const { out, format } = session
  if (format === 'json') return out(json(answer))
  const { publication } = answer
  if (publication === undefined) return out('Nothing to do: the newest table is deployed already.')
  tellPublication(session, 'Publishing', publication)
  out('Follow it: tidegate edge versions')
  out('Undo: tidegate edge rollback --reason "after all"')
}

export async function rollback(session: Session, _: readonly string[], { reason }: Reasoned): Promise<void> {
  refuseEmptyReason(reason)
  const answer = await session.client.rollbackEdge(reason)
  if (session.format === 'json') return session.out(json(answer))
  if (answer.publication === undefined) return
  tellPublication(session, 'Rolling back', answer.publication)
  session.out(
    `Version ${answer.publication.formerId} has all of the traffic again within seconds. Undo: tidegate edge publish --reason "after all"`,
  )
}

function tellPublication({ out }: Session, verb: string, publication: EdgePublication): void {
  const { tag, structure, placements, gzipBytes, startupMs } = publication
  out(
    `${verb}: ${tag} with structure ${structure}, placements ${placements}; ${gzipBytes} bytes, starts in ${startupMs} ms.`,
  )
}

function deployedOf({ deployed, because }: EdgeVersionsAnswer): string {
  if (deployed === undefined) return `unknown: ${because}`
  return deployed.map(({ versionId, percentage }) => `${versionId} ${percentage} %`).join(', ') || 'nothing'
}

function healthOf({ health, because }: EdgeVersionsAnswer['status']['script']): string {
  return because === '' ? health : `${health}: ${because}`
}
