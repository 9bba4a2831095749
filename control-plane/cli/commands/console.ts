import { json } from '../print.ts'
import type { Session } from '../session.ts'

/** `tidegate console`: the link opens one session, once. */
export async function link({ client, out, format }: Session): Promise<void> {
  const made = await client.createLoginLink()
  out(format === 'json' ? json(made) : made.url)
}
