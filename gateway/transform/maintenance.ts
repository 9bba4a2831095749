import { maintenanceAnswer, retryAfterSeconds } from '#routes/maintenance.ts'
import type { AnswerOf } from '#routes/policy.ts'
import type { Answer } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'

/** What an edge in front would have answered already, byte for byte. */
export function maintenance(x: Exchange, policy: AnswerOf<'maintenance'>): Answer {
  const problem = problems['maintenance']({ retryAfterS: retryAfterSeconds(policy.retryAfterMs) })
  const { status, headers, body: text } = maintenanceAnswer(policy, x.header('accept'), x.requestId)
  const body = Buffer.from(text, 'utf8')
  const fields = [...Object.entries(headers).flat(), 'content-length', `${body.length}`]
  return { status, reason: '', headers: fields, body: x.method === 'HEAD' ? undefined : body, problem }
}
