import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { connect } from '../../../control-plane/cli/connect.ts'
import { exitCodeOf } from '../../../control-plane/cli/exit-codes.ts'
import { printFailure } from '../../../control-plane/cli/failure.ts'

const typeOf = (body: string): string => (body.startsWith('{') ? 'application/problem+json' : 'text/html')

/** Answers everything with this status and body. */
async function answering(status: number, body: string) {
  const server = createServer((_, response) =>
    response.writeHead(status, { 'content-type': typeOf(body) }).end(body),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: 't' })
  return {
    failure: () =>
      client.status().then(
        () => expect.fail('it was answered'),
        (cause: unknown) => cause,
      ),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const problem = (code: string, more: object = {}) => JSON.stringify({ code, detail: 'What.', fix: 'Do.', ...more })

describe('a failed command ends with', () => {
  it.each([
    [2, 422, 'catalog-invalid'],
    [3, 404, 'unit-unknown'],
    [4, 412, 'stale-revision'],
    [4, 428, 'precondition-required'],
    [5, 401, 'credential-unknown'],
    [5, 403, 'action-not-allowed'],
    [6, 422, 'guard-failed'],
    [8, 503, 'store-unavailable'],
    [1, 500, 'internal'],
  ])('%i when the answer is %i %s', async (code, status, name) => {
    await using it = await answering(status, problem(name))

    expect(exitCodeOf(await it.failure())).toBe(code)
  })

  it('8 when nobody answers, with the reason of the socket', async () => {
    const failure = await connect({ url: 'http://127.0.0.1:45', token: 't' })
      .status()
      .catch((cause: unknown) => cause)

    expect(exitCodeOf(failure)).toBe(8)
    expect(printFailure(failure, false)).toMatch(/ECONNREFUSED[\s\S]*fix: Start it/)
  })

  it('8 when what answers is no control plane', async () => {
    await using it = await answering(200, '<html>')

    expect(exitCodeOf(await it.failure())).toBe(8)
  })

  it('7 when the answer does not come in time', async () => {
    const server = createServer(() => undefined).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

    const failure = await connect({ url, token: 't', timeoutMs: 50 })
      .status()
      .catch((cause: unknown) => cause)

    expect(exitCodeOf(failure)).toBe(7)
    server.closeAllConnections()
    server.close()
  })

  it('1 for what nobody foresaw', () => {
    expect(exitCodeOf(new TypeError('x'))).toBe(1)
  })
})

describe('a failure', () => {
  const place = { file: 'services/a.yaml', line: 3, column: 5 }
  const fault = { ...place, pointer: '', value: '"x"', expected: 'expected y', fix: 'write y' }

  it('of a catalog names each place first', async () => {
    await using it = await answering(422, problem('catalog-invalid', { faults: [fault] }))

    const [first, second, third] = printFailure(await it.failure(), false).split('\n')

    expect(first).toBe('services/a.yaml:3:5 "x": expected y; write y')
    expect(second).toBe('tidegate: What.')
    expect(third).toBe('  fix: Do.')
  })

  it('for a script is the answer as it came', async () => {
    await using it = await answering(422, problem('catalog-invalid', { faults: [fault] }))

    expect(JSON.parse(printFailure(await it.failure(), true))).toMatchObject({
      code: 'catalog-invalid',
      faults: [fault],
    })
  })
})
