// The moves of this page that have not come to their end: what redraws the board must know of them.

// Deals whose move was asked for and not answered.
export const inFlight = new Set();

// Deals, and their names, whose move was answered while it was still on its way to Slant.
export const onTheirWay = new Map();

// How many moves were answered: what was drawn before the last of them may show its card where it came from.
export let answered = 0;
export const countAnswer = () => {
  answered += 1;
};
