// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/pattern.h"
#include "libfiona/dicom/header.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The language in which people say which series a container is to work on:
///
///     statement := select { check }
///     select    := SELECT [level] [FROM [level]] clause { ALSO clause }
///     clause    := [ WHERE [ [level] [NAMED string] HAS ] rules ]
///     rules     := rule { (AND|OR) rule }
///     rule      := "(" rules ")" | NOT rule | tag op value | EVERYTHING
///     tag       := name | "(" string "," string ")"
///     op        := == | = | CONTAINING | CONTAINS | REGEXP | < | > | <= | >=
///     check     := CHECK name@tag == name@tag { AND name@tag == name@tag }
///     level     := project | patient | participant | study | series | image
///
/// Keywords and levels in any case; what is in quotes is never a keyword. AND and OR have the same
/// precedence, from left to right, unless Precedence::strict is asked for.
namespace fiona::jobs {

/// An element by the name or the numbers that a statement gives it.
struct SelectTag {
    std::string name;              ///< as written; `gggg,eeee` of a pair of numbers
    std::optional<dicom::Tag> tag; ///< nothing if `name` is no keyword of the dictionary
};

struct SelectRule {
    enum class Kind {
        all_of,     ///< of `parts`
        any_of,     ///< of `parts`
        none_of,    ///< NOT; one part
        everything, ///< true
        equal,      ///< every value, and there is one that is not empty
        containing, ///< some value is exactly that
        regexp,     ///< some value has a match
        less,       ///< numbers: some value
        greater,
        at_most,
        at_least,
    } kind = Kind::everything;
    std::vector<SelectRule> parts{};
    SelectTag tag{};
    std::string text{};             ///< the value as written
    std::optional<double> number{}; ///< the value, if it was written as a number
    std::optional<Pattern> pattern{};
};

enum class Level { project, patient, study, series };

struct SelectClause {
    std::string name; ///< of NAMED; "" if it has none
    SelectRule rule;
};

struct SelectCheck {
    std::size_t left_clause = 0;
    SelectTag left;
    std::size_t right_clause = 0;
    SelectTag right;
};

struct Statement {
    Level level = Level::series;       ///< what is one job
    std::vector<SelectClause> clauses; ///< at least one
    std::vector<SelectCheck> checks;
};

enum class Precedence {
    left_to_right, ///< as the original: `a or b and c` is `(a or b) and c`
    strict,        ///< AND binds tighter
};

struct SelectLimits {
    std::size_t bytes = std::size_t{64} << 10U;
    std::size_t depth = 64; ///< of parentheses and NOT
    std::size_t rules = 1000;
};

/// Throws Error{Fault::data} with the offset of what does not fit: the grammar, a limit, the level
/// `image` (no container takes single images), a pattern that RE2 does not run in linear time, a CHECK
/// of a name that no clause has.
[[nodiscard]] Statement parse_statement(std::string_view text,
                                        Precedence precedence = Precedence::left_to_right,
                                        const SelectLimits& limits = {});

/// A number as a statement or an element writes it, blanks around it and a sign allowed; nothing if it is
/// none.
[[nodiscard]] std::optional<double> select_number(std::string_view text);

} // namespace fiona::jobs
