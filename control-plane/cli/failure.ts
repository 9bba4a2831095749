/** A failure at the terminal: what, where, why and how to mend it; for a script the same as JSON. Always on stderr. */
import { printFault } from '#routes/fault.ts'
import { Problem } from '#routes/problem.ts'
import { ApiProblem } from '../api-client/client.ts'
import { isLate } from './exit-codes.ts'
import { json } from './print.ts'

export function printFailure(failure: unknown, asJson: boolean): string {
  const told = tellFailure(failure)
  if (told === undefined) return printUnforeseen(failure)
  if (asJson) return json(told)
  const { faults = [], detail, fix, requestId } = told
  return [
    ...faults.map(printFault),
    `tidegate: ${detail}`,
    ...(fix === undefined ? [] : [`  fix: ${fix}`]),
    // The control plane's log tells more under it.
    ...(requestId === undefined ? [] : [`  request: ${requestId}`]),
  ].join('\n')
}

interface Told {
  readonly status?: number
  readonly code: string
  readonly detail: string
  readonly fix?: string | undefined
  readonly requestId?: string | undefined
  readonly faults?: ApiProblem['faults']
  readonly change?: unknown
}

function tellFailure(failure: unknown): Told | undefined {
  if (failure instanceof Problem) return { code: failure.code, detail: failure.message, fix: failure.fix }
  if (!(failure instanceof ApiProblem)) return undefined
  const { status, code, fix, requestId, faults, change } = failure
  if (status !== 0) {
    return {
      status,
      code,
      detail: failure.message,
      fix,
      ...(status >= 500 ? { requestId } : {}),
      ...(faults.length > 0 ? { faults } : {}),
      ...(change === undefined ? {} : { change }),
    }
  }
  if (isLate(failure)) {
    return {
      code: 'answer-too-late',
      detail: 'The control plane did not answer in time; what you asked for may still be under way.',
      fix: 'Look with `tidegate status` before you repeat it.',
    }
  }
  return {
    code,
    detail: `${failure.message} (${reasonOf(failure.cause)})`,
    fix: 'Start it (`npm start`), or check --url and TIDEGATE_URL. Traffic goes on without it.',
  }
}

/** `fetch` says only "fetch failed"; what the socket said stands underneath. */
function reasonOf(cause: unknown): string {
  const beneath = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  if (!(beneath instanceof Error)) return String(beneath)
  return (beneath as NodeJS.ErrnoException).code === undefined || beneath instanceof Problem
    ? beneath.message
    : String((beneath as NodeJS.ErrnoException).code)
}

function printUnforeseen(failure: unknown): string {
  const stack = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)
  return `tidegate: something unforeseen happened; please report it with these lines\n${stack}`
}
