// What each number of a latent does to the picture: how far it moves when that number alone is raised.

export const STEP = 1; // by which a number is raised: one standard deviation of the prior

/** For each number of a latent, the latent with that number raised. */
export const raised = (latent) =>
  Array.from(latent, (number, i) => {
    const moved = latent.slice();
    moved[i] = number + STEP;
    return moved;
  });

/** How far the picture moves, in a sentence. `effects` are in levels of 255, one for each number. */
export function inWords(effects) {
  const idle = effects.filter((effect) => effect < 1).length;
  const most = Math.max(...effects).toFixed(1);
  return (
    `Raising one number by ${STEP} changes the picture by ${most} of 255 levels at most. ` +
    `${idle} of ${effects.length} numbers change it by less than one level: they do next to nothing here.`
  );
}
