/** @type {Record<string, {title: string, explain: string, reasons: string[], action: string, bad?: boolean}>}
 *  why a picture is skipped, unusable or rejected: what people say most, to choose from */
export const QUESTIONS = {
  skip: {
    title: "Skip this picture",
    explain: "It goes to somebody else, and does not come back to you.",
    reasons: [
      "I am not sure what to mark",
      "I know this part too well to judge it",
      "The instructions do not say",
    ],
    action: "Skip",
  },
  unusable: {
    title: "This picture is unusable",
    explain: "Nobody will be asked about it again, and nothing will be trained with it.",
    reasons: ["Blurred", "Too dark or too bright", "Something else is in the picture"],
    action: "Unusable",
    bad: true,
  },
  reject: {
    title: "Reject what was drawn",
    explain: "Somebody draws it again, and reads your reason.",
    reasons: ["A box is missing", "A box is too much", "A box does not fit", "A class is wrong"],
    action: "Reject",
    bad: true,
  },
};
