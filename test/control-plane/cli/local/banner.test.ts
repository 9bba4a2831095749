import { describe, expect, it } from 'vitest'
import { onLoopback } from '../../../../control-plane/cli/local/addresses.ts'
import { banner } from '../../../../control-plane/cli/local/banner.ts'
import { demoOf } from '../../../../control-plane/cli/local/demo-file.ts'
import { portsAt } from '../../../../control-plane/cli/local/ports.ts'

const tokens = { token: 'tg_demo', adminToken: 'tg_admin', cacheToken: 'tg_cache', opsToken: 'tg_ops' }
const facts = {
  demo: demoOf(onLoopback(portsAt(17_000)), 17_000, tokens, true),
  link: 'http://127.0.0.1:17000/login?link=x',
  stores: 'tokens: redis-server',
  placements: [],
  sample: { service: 'orders', path: '/v1/orders' },
  command: 'npx tidegate',
}

describe('the banner', () => {
  it('has four commands to paste as they stand', () => {
    const commands = banner(facts)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => /^(curl|npx)/.test(line))

    const curl = "curl -s -H 'authorization: Bearer tg_demo' http://localhost:17080/v1/orders"
    const flip = "npx tidegate flip orders --to cloud --reason 'a first try'"
    expect(commands).toEqual([curl, flip, curl, 'npx tidegate rollback orders'])
  })

  it('shows no other token', () => {
    expect(banner(facts)).not.toMatch(/tg_(admin|cache|ops)/)
  })

  it('tells what is away from home, when something is', () => {
    expect(banner(facts)).not.toContain('Away from home')
    expect(banner({ ...facts, placements: ['orders: cloud 100 % (epoch 2)'] })).toContain(
      '  Away from home:\n    orders: cloud 100 % (epoch 2)',
    )
  })
})
