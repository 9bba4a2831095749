import { Problem, problemMediaType } from '#routes/problem.ts'
import type { Log } from '#server-kit/log.ts'
import { problemReply } from '#server-kit/problem-reply.ts'
import { type Answer, isStream } from './answer.ts'
import { problems } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { Ending, Onward, Phase } from './phase.ts'

/** What a front hands its exchanges to. */
export interface Answers {
  /** Never rejects. */
  answer(x: Exchange): Promise<Answer>
  /** Once for each exchange: after the last byte of its answer, or when there will be none. */
  closed(x: Exchange, answer: Answer, ending: Ending): void
}

/** Takes exchanges through the phases: in by `before` until one answers, out by `after` in reverse. */
export class Pipeline implements Answers {
  readonly #phases: readonly Phase[]
  readonly #log: Log

  constructor(phases: readonly Phase[], log: Log) {
    this.#phases = phases
    this.#log = log
    for (let at = 0; at < phases.length; at++) phases[at]?.precede?.(this.#behind(at))
  }

  /** Never rejects: what was thrown is an answer too. */
  answer(x: Exchange): Promise<Answer> {
    return this.#pass(x, 0)
  }

  closed(x: Exchange, answer: Answer, ending: Ending): void {
    this.#end(x, answer, ending, 0)
  }

  #behind(at: number): Onward {
    return {
      run: (x) => this.#pass(x, at + 1),
      closed: (x, answer, ending) => this.#end(x, answer, ending, at + 1),
    }
  }

  async #pass(x: Exchange, from: number): Promise<Answer> {
    const phases = this.#phases
    let reached = from
    let answer: Answer | undefined
    try {
      for (; reached < phases.length; reached++) {
        const verdict = phases[reached]?.before?.(x)
        // Awaiting costs a turn of the queue: only a real promise is waited for.
        answer = verdict instanceof Promise ? await verdict : verdict
        if (answer !== undefined) break
      }
      answer ??= problemAnswer(problems['upstream-missing'](), x)
    } catch (thrown) {
      answer = this.#refusal(thrown, x)
    }
    for (let at = Math.min(reached, phases.length - 1); at >= from; at--) {
      const phase = phases[at]
      if (phase !== undefined) answer = this.#leave(phase, x, answer)
    }
    return answer
  }

  #end(x: Exchange, answer: Answer, ending: Ending, from: number): void {
    const phases = this.#phases
    for (let at = from; at < phases.length; at++) {
      const phase = phases[at] as Phase
      try {
        phase.closed?.(x, answer, ending)
      } catch (thrown) {
        // The others have places to give back, whatever became of this one.
        this.#log.error({ requestId: x.requestId, phase: phase.name, err: thrown }, 'a phase failed at the end')
      }
    }
  }

  /** Without an answer its client would wait for ever: a phase that breaks its promise costs only this one. */
  #leave(phase: Phase, x: Exchange, answer: Answer): Answer {
    try {
      return phase.after === undefined ? answer : phase.after(x, answer)
    } catch (thrown) {
      if (isStream(answer.body)) answer.body.cancel(replaced)
      answer.tunnel?.destroy()
      return this.#refusal(thrown, x)
    }
  }

  #refusal(thrown: unknown, x: Exchange): Answer {
    if (thrown instanceof Problem) {
      if (thrown.status >= 500)
        this.#log.debug({ requestId: x.requestId, code: thrown.code, err: thrown }, 'a request failed')
      return problemAnswer(thrown, x)
    }
    this.#log.error({ requestId: x.requestId, err: thrown }, 'a phase failed')
    return problemAnswer(problems['gateway-failed']({ cause: thrown }), x)
  }
}

const replaced = new Error('another answer is given in its place')

/** What a client may see of a problem: code, request id and what part of the request was wrong, no name and no address. RFC 9457. */
export function problemAnswer(problem: Problem, x: Exchange): Answer {
  const body = Buffer.from(JSON.stringify(problemReply(problem, x.requestId, 'client')))
  const headers = ['content-type', problemMediaType, 'content-length', String(body.length), 'cache-control', 'no-store']
  const { challenge, retryAfterS, allow, close } = problem.facts
  if (typeof challenge === 'string') headers.push('www-authenticate', challenge)
  if (typeof retryAfterS === 'number') headers.push('retry-after', String(retryAfterS))
  if (typeof allow === 'string') headers.push('allow', allow)
  return { status: problem.status, reason: '', headers, body, problem, close: close === true }
}
