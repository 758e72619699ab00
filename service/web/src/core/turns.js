// Work that must not run twice at once.

/**
 * Answers a function that runs `job`. Called while the job runs, it runs once more afterwards: what is under way may
 * have been answered before there was reason to run it again. The promise is that of the run under way.
 * @param {() => Promise<void>} job
 * @returns {() => Promise<void>}
 */
export function oneAtATime(job) {
  /** @type {Promise<void> | null} */
  let running = null;
  let again = false;
  const run = () => {
    if (running) {
      again = true;
      return running;
    }
    running = job().finally(() => {
      running = null;
      if (!again) return;
      again = false;
      run();
    });
    return running;
  };
  return run;
}
