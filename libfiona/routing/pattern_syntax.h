// SPDX-License-Identifier: MIT
#pragma once

#include <bitset>
#include <cstddef>
#include <string_view>
#include <vector>

/// The patterns of participant ids (project_patient_naming of share/redcap/dtp.csv): the part of Python's
/// regular expressions whose language is finite. Literals, classes and ranges, `\d`, `\w`, `.` (a letter or
/// digit), groups, alternatives, `{n}`, `{n,m}`, `?`, back references, `^` at the beginning and `$` at
/// the end.
namespace fiona::routing {

using CharacterSet = std::bitset<128>;

/// A participant id has at most so many characters (ParticipantId).
constexpr std::size_t longest_id = 64;

struct PatternNode {
    enum class Kind {
        characters,   ///< one character out of `characters`
        sequence,     ///< `parts` one after the other; none: the empty text
        alternatives, ///< one of `parts`
        repeat,       ///< parts[0], `least` to `most` times
        group,        ///< parts[0], remembered under `number`; 0: not remembered
        reference,    ///< what the group `number` was
        begin,
        end
    };

    Kind kind = Kind::sequence;
    CharacterSet characters{};
    std::vector<PatternNode> parts{};
    unsigned least = 1;
    unsigned most = 1;
    unsigned number = 0;
};

/// Throws Error{Fault::data} saying what is refused and at which character: `*`, `+`, `{n,}` (endless),
/// negated classes, `\s` and other characters that no participant id has, look-around, an anchor inside,
/// a back reference to a group that may not have been passed or is repeated, ids longer than 64
/// characters.
[[nodiscard]] PatternNode parse_pattern(std::string_view pattern);

} // namespace fiona::routing
