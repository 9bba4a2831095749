import type { BodySink } from '../answer.ts'

/** For a body that is wanted by others alone. */
export const drained: BodySink = {
  write: () => true,
  end() {},
  fail() {},
}
