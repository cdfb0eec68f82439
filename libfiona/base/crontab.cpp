// SPDX-License-Identifier: MIT
#include "libfiona/base/crontab.h"

#include "libfiona/base/error.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <utility>

namespace fiona::cron {

namespace {

constexpr std::size_t number_of_fields = 5;

unsigned number_in(std::string_view text, Field field)
{
    const auto limits = limits_of(field);
    const auto number = read_number<unsigned>(text);
    if (!number || *number < limits.least || *number > limits.most) {
        throw Error{Fault::config, "\"{}\" is not from {} to {} (crontab(5))", text, limits.least,
                    limits.most};
    }
    return *number;
}

/// "5", "1-5", "*/10", "1-30/2".
Item item_of(std::string_view text, Field field)
{
    Item item{limits_of(field).least, limits_of(field).most};
    const auto slash = text.find('/');
    const auto range = text.substr(0, slash);
    if (slash != std::string_view::npos) {
        constexpr unsigned most = 1000;
        const auto step = read_number<unsigned>(text.substr(slash + 1));
        if (!step || *step == 0 || *step > most) {
            throw Error{Fault::config, "\"{}\" has a step that is not from 1 to {}", text, most};
        }
        item.step = *step;
    }
    item.is_all = range == "*";
    if (item.is_all) {
        return item;
    }
    const auto dash = range.find('-');
    item.first = number_in(range.substr(0, dash), field);
    item.last =
        dash == std::string_view::npos ? item.first : number_in(range.substr(dash + 1), field);
    if (item.last < item.first) {
        throw Error{Fault::config, "\"{}\" ends before it begins (crontab(5))", range};
    }
    return item;
}

std::string_view expanded(std::string_view text)
{
    using Name = std::pair<std::string_view, std::string_view>;
    constexpr auto names = std::to_array<Name>({{"@hourly", "0 * * * *"},
                                                {"@daily", "0 0 * * *"},
                                                {"@midnight", "0 0 * * *"},
                                                {"@weekly", "0 0 * * 0"},
                                                {"@monthly", "0 0 1 * *"}});
    const auto* const found = std::ranges::find(names, text, &Name::first);
    return found == names.end() ? text : found->second;
}

} // namespace

Limits limits_of(Field field)
{
    constexpr std::array<Limits, number_of_fields> all{
        {{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}}};
    return all.at(static_cast<std::size_t>(field));
}

Fields Fields::parse(std::string_view schedule)
{
    const auto words = words_of(expanded(trimmed(schedule)));
    if (words.size() != number_of_fields) {
        throw Error{Fault::config, "a schedule has five fields (crontab(5))"};
    }
    Fields fields;
    for (std::size_t i = 0; i < words.size(); ++i) {
        for (const auto item : split(words[i], ',')) {
            fields.m_items.at(i).push_back(item_of(item, static_cast<Field>(i)));
        }
    }
    return fields;
}

std::vector<Line> lines_of(std::string_view crontab)
{
    std::vector<Line> lines;
    for (const auto raw : split(crontab, '\n')) {
        const auto text = trimmed(raw);
        const auto words = words_of(text);
        const std::size_t fields = text.starts_with('@') ? 1 : number_of_fields;
        const bool is_schedule =
            !text.empty()
            && std::string_view{"*@0123456789"}.find(text.front()) != std::string_view::npos;
        if (!is_schedule || words.size() <= fields) {
            continue;
        }
        Line line;
        for (std::size_t i = 0; i < fields; ++i) {
            line.schedule += (i == 0 ? "" : " ") + std::string{words[i]};
        }
        line.command = text.substr(static_cast<std::size_t>(words[fields].data() - text.data()));
        lines.push_back(std::move(line));
    }
    return lines;
}

std::vector<std::string_view> words_of(std::string_view line)
{
    std::vector<std::string_view> words;
    for (std::size_t at = 0; at < line.size();) {
        const auto begin = line.find_first_not_of(" \t", at);
        if (begin == std::string_view::npos) {
            break;
        }
        const auto end = std::min(line.find_first_of(" \t", begin), line.size());
        words.push_back(line.substr(begin, end - begin));
        at = end;
    }
    return words;
}

} // namespace fiona::cron
