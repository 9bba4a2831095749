import { existsSync } from 'node:fs'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig, type TestProjectConfiguration } from 'vitest/config'

const edge = ['test/edge-worker/worker/**/*.test.ts']
const integration = ['test/**/*.integration.test.ts', 'test/journeys/**/*.test.ts', 'test/wire/**/*.test.ts']
const browser = ['test/**/*.browser.test.ts']
const workerConfiguration = './edge-worker/wrangler.jsonc'

const projects: TestProjectConfiguration[] = [
  {
    test: {
      name: 'unit',
      include: ['test/**/*.test.ts'],
      exclude: [...edge, ...integration, ...browser],
      testTimeout: 10_000,
      hookTimeout: 20_000,
    },
  },
  {
    test: {
      name: 'integration',
      include: integration,
      exclude: edge,
      testTimeout: 120_000,
      hookTimeout: 60_000,
      // Each file starts servers of its own: two at a time would measure the machine's two cores, not our code.
      fileParallelism: false,
    },
  },
  { test: { name: 'browser', include: browser, testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false } },
]

if (existsSync(workerConfiguration)) {
  projects.push({
    plugins: [cloudflareTest({ wrangler: { configPath: workerConfiguration } })],
    test: { name: 'edge', include: edge, testTimeout: 20_000 },
  })
}

export default defineConfig({ test: { projects, pool: 'forks', maxWorkers: 2, passWithNoTests: false } })
