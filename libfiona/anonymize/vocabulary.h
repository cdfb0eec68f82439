// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::anonymize {

/// What (0018,0015) may keep: a body part of PS3.16 Annex L in capitals; "BODYPART" for another value.
[[nodiscard]] std::string known_body_part(std::string_view value);
/// Whether all values of a CS are terms of such lists that no software can do without (HFS, CODE,
/// ...): a patient called so is not betrayed by them, and the geometry is not lost for the name.
[[nodiscard]] bool are_defined_terms(std::string_view values);
/// Modalities, body parts, words of radiology and of hospitals: a patient or a department called
/// so is not found by that word alone. `folded` as fold_text() makes it.
[[nodiscard]] bool is_trade_word(std::string_view folded);

/// The words that cleaned free text may keep: a file with one folded word a line, `#` before comments.
class AllowedWords {
public:
    AllowedWords() = default;
    [[nodiscard]] static AllowedWords parse(std::string_view text);

    /// Trade words count too; so does the plural of a word, or its singular.
    [[nodiscard]] bool contains(std::string_view folded) const;
    [[nodiscard]] std::size_t size() const { return m_sorted.size(); }

private:
    std::vector<std::string> m_sorted;
};

} // namespace fiona::anonymize
