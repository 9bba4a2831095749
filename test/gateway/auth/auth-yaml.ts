import Type, { type Static } from 'typebox'
import { checkDocument } from '#routes/document.ts'
import { apiKeys, identity, jwt, tokens } from '../../../gateway/auth/auth-config.ts'

const schema = Type.Object({ tokens, apiKeys, jwt, identity })

/** These groups of gateway.yaml, checked and with their defaults. */
export function authYaml(yaml: Record<string, unknown>): Static<typeof schema> {
  const checked = checkDocument({ file: 'gateway.yaml', text: JSON.stringify(yaml), schema })
  if (!checked.ok) throw new Error(JSON.stringify(checked.faults))
  return checked.value
}
