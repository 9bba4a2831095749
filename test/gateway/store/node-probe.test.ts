import { describe, expect, it } from 'vitest'
import { MetaParser } from '../../../gateway/store/meta-protocol.ts'
import { NodeProbe } from '../../../gateway/store/node-probe.ts'

/** What the probe makes of what a node says. */
function told(text: string, login?: { user: string; password: string }): unknown {
  const probe = new NodeProbe(login)
  let result: unknown
  const parser = new MetaParser(100, (answer) => {
    result ??= probe.take(answer)
  })
  expect(parser.push(Buffer.from(text))).toBe(true)
  return result
}
const stats = 'STAT item_size_max 2097152\r\nEND\r\nSTAT version 1.6.18\r\nSTAT uptime 42\r\nEND\r\n'

describe('the first conversation with a node', () => {
  it('Store M9: finds out what it can do, whatever its version says', () => {
    const known = { itemSizeMax: 2097152, version: '1.6.18', uptimeSeconds: 42 }
    expect(told(`${stats}HD c77 O1\r\nHD O2\r\nHD O3\r\nMN\r\n`)).toEqual({ ...known, tellsCas: true, takesCas: true })
    // A flag that is not known, and the body of the command read as a command.
    const refused = 'CLIENT_ERROR invalid flag\r\nERROR\r\n'
    expect(told(`${stats}HD c77 O1\r\n${refused}HD O3\r\nMN\r\n`)).toEqual({
      ...known,
      tellsCas: true,
      takesCas: false,
    })
    expect(told(`${stats}${refused}${refused}NF O3\r\nMN\r\n`)).toEqual({ ...known, tellsCas: false, takesCas: false })
  })

  it('Store M9, M10: tells a node without meta commands from one that asks who we are', () => {
    expect(told(`${stats}ERROR\r\nERROR\r\n`)).toBe('no-meta')
    expect(told('CLIENT_ERROR unauthenticated\r\n')).toBe('unauthenticated')
    const login = { user: 'shop', password: 'schön' }
    expect(told('CLIENT_ERROR authentication failure\r\n', login)).toBe('wrong-password')
    expect(told(`STORED\r\n${stats}MN\r\n`, login)).toMatchObject({ version: '1.6.18' })
    expect(new NodeProbe(login).request.startsWith('set auth 0 0 11\r\nshop sch\u00c3\u00b6n\r\n')).toBe(true)
  })
})
