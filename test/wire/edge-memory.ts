import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const lookEveryMs = 20

export interface Memory {
  /** Bytes by which it grew at most. */
  readonly growth: number
  readonly most: number
}

/** Resident memory of an edge's workerd processes while `work` ran. */
export async function memoryDuring(home: string, work: () => Promise<unknown>): Promise<Memory> {
  const before = await residentBytes(home)
  let most = before
  const look = async () => {
    most = Math.max(most, await residentBytes(home))
  }
  const timer = setInterval(() => void look().catch(() => undefined), lookEveryMs)
  try {
    await work()
    await look()
  } finally {
    clearInterval(timer)
  }
  return { growth: most - before, most }
}

async function residentBytes(home: string): Promise<number> {
  const pids: number[] = JSON.parse(await readFile(join(home, 'run', 'children.json'), 'utf8'))
  const statuses = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/status`, 'utf8')))
  return statuses.reduce((sum, status) => sum + Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024, 0)
}
