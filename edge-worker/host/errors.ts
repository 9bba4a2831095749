import { defineProblems } from '#routes/problem.ts'

/** What keeps a self-hosted edge from starting. */
export const problems = defineProblems({
  'edge-config-invalid': {
    status: 500,
    meaning: 'The edge configuration {file} cannot be used: {reason}.',
    fix: 'Mend what is named, and start again.',
  },
  'workerd-not-ready': {
    status: 500,
    meaning: 'A workerd process was not ready within {limitMs} ms: {reason}.',
    fix: 'Its own words stand in the log lines before this one.',
  },
})
