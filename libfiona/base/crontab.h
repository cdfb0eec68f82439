// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

/// crontab(5), as a site's crontab uses it: numbers, `*`, lists, ranges and steps, and `@hourly`, `@daily`,
/// `@midnight`, `@weekly`, `@monthly`; names of months and days are not read.
namespace fiona::cron {

enum class Field { minute, hour, day, month, weekday };

struct Limits {
    unsigned least = 0;
    unsigned most = 0;
};
/// Both are included; the weekday's 0 and 7 are Sunday.
[[nodiscard]] Limits limits_of(Field field);

/// One item of a field's list: the values from first to last, each `step`-th of them; at most 1000 is a step.
struct Item {
    unsigned first = 0;
    unsigned last = 0;
    unsigned step = 1;
    bool is_all = false; ///< written as `*`
};
using Items = std::vector<Item>;

/// The five fields of a schedule, none of them empty.
class Fields {
public:
    /// Throws Error{Fault::config}, with what is wrong with it, for what is no schedule.
    [[nodiscard]] static Fields parse(std::string_view schedule);

    [[nodiscard]] const Items& at(Field field) const
    {
        return m_items.at(static_cast<std::size_t>(field));
    }

private:
    std::array<Items, 5> m_items;
};

/// A line that runs something.
struct Line {
    std::string schedule; ///< its words, with one blank between them
    std::string command;  ///< the rest
};

/// Without comments, settings and lines that have no command.
[[nodiscard]] std::vector<Line> lines_of(std::string_view crontab);

/// The words of a line between blanks and tabs.
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view line);

} // namespace fiona::cron
