// SPDX-License-Identifier: MIT
#include "libfiona/cleanup/report.h"

#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/store/atomic_file.h"

#include <fmt/ranges.h>

#include <array>
#include <map>

namespace fiona::cleanup {

namespace {

std::string_view removed_word(Mode mode)
{
    return mode == Mode::apply ? "removed" : "would remove";
}

std::int64_t hours_between(TimePoint from, TimePoint until)
{
    return std::chrono::floor<std::chrono::hours>(until - from).count();
}

std::string days_text(std::int64_t hours)
{
    constexpr double hours_of_day = 24;
    return fmt::format("{:.1f} days", static_cast<double>(hours) / hours_of_day);
}

/// Studies that stay, counted by the reason.
std::map<Hold, std::pair<std::size_t, std::uint64_t>>
kept_by_reason(const std::vector<ClearOldReport::Kept>& kept)
{
    std::map<Hold, std::pair<std::size_t, std::uint64_t>> reasons;
    for (const auto& study : kept) {
        auto& [studies, bytes] = reasons[study.why];
        ++studies;
        bytes += study.bytes;
    }
    return reasons;
}

json::Object summary(const ClearOldReport& report)
{
    json::Object kept;
    for (const auto& [why, count] : kept_by_reason(report.kept)) {
        kept.emplace(hold_name(why),
                     json::Object{{"studies", count.first}, {"bytes", count.second}});
    }
    return {{"used_before", report.used_before},
            {"used_after", report.used_after},
            {"goal_reached", report.is_goal_reached},
            {"emergency", report.is_emergency},
            {"hopeless", report.is_hopeless},
            {"studies", report.studies},
            {"strangers", report.strangers},
            {"leftovers", report.leftovers},
            {"removed", report.removed.size()},
            {"bytes", report.freed.bytes},
            {"files", report.freed.files},
            {"failed", report.failed},
            {"kept", kept}};
}

std::string_view state_of(const ClearOldReport& report, const ClearOldOrder& order)
{
    return report.is_goal_reached                     ? "ok"
           : report.used_after > order.emergency_used ? "emergency"
                                                      : "full";
}

} // namespace

std::string bytes_text(std::uint64_t bytes)
{
    constexpr std::array<std::string_view, 5> units{"B", "kB", "MB", "GB", "TB"};
    constexpr double step = 1000;
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= step && unit + 1 < units.size()) {
        value /= step;
        ++unit;
    }
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units.at(unit));
}

json::Value as_json(const ClearOldReport& report, const ClearOldOrder& order)
{
    auto document = summary(report);
    json::Array removed;
    for (const auto& gone : report.removed) {
        removed.emplace_back(
            json::Object{{"study", log::uid_tag(gone.study.study.str())},
                         {"files", gone.study.amount.files},
                         {"bytes", gone.study.amount.bytes},
                         {"links", gone.links},
                         {"age_hours", hours_between(gone.study.newest, order.now)},
                         {"used_before", gone.used_before}});
    }
    json::Array kept;
    for (const auto& study : report.kept) {
        kept.emplace_back(json::Object{{"study", log::uid_tag(study.study.str())},
                                       {"bytes", study.bytes},
                                       {"why", hold_name(study.why)}});
    }
    document.emplace("removed_studies", std::move(removed));
    document.emplace("kept_studies", std::move(kept));
    return document;
}

std::vector<std::string> as_lines(const ClearOldReport& report, const ClearOldOrder& order)
{
    std::vector<std::string> lines;
    for (const auto& gone : report.removed) {
        lines.push_back(fmt::format("{} {}: {} files, {}, {} links, {}", removed_word(order.mode),
                                    log::uid_tag(gone.study.study.str()), gone.study.amount.files,
                                    bytes_text(gone.study.amount.bytes), gone.links,
                                    days_text(hours_between(gone.study.newest, order.now))));
    }
    for (const auto& [why, count] : kept_by_reason(report.kept)) {
        lines.push_back(fmt::format("kept {} studies, {}: {}", count.first,
                                    bytes_text(count.second), hold_name(why)));
    }
    if (report.leftovers > 0) {
        lines.push_back(fmt::format("finished {} studies of an earlier run", report.leftovers));
    }
    if (report.strangers > 0) {
        lines.push_back(fmt::format("left alone {} names that are no studies", report.strangers));
    }
    if (report.is_hopeless) {
        lines.emplace_back("something else fills the disk: all that may go does not free enough");
    }
    lines.push_back(fmt::format("{} {} of {} studies, {} ({} bytes); used {} % -> {} %, goal {} %",
                                removed_word(order.mode), report.removed.size(), report.studies,
                                bytes_text(report.freed.bytes), report.freed.bytes,
                                report.used_before, report.used_after, order.max_used));
    return lines;
}

void write_status(const Paths& paths, const ClearOldReport& report, const ClearOldOrder& order,
                  TimePoint now)
{
    auto document = summary(report);
    document.emplace("v", 1);
    document.emplace("finished", iso8601_utc(now));
    document.emplace("state", state_of(report, order));
    make_directories(paths.status());
    store::write_file(paths.status() / "clear-old.json",
                      json::write(document, json::Style::pretty) + "\n");
}

json::Value as_json(const ClearExportsReport& report)
{
    json::Array removed;
    for (const auto& gone : report.removed) {
        removed.emplace_back(json::Object{{"export", log::uid_tag(gone.name)},
                                          {"kind", kind_name(gone.kind)},
                                          {"files", gone.amount.files},
                                          {"bytes", gone.amount.bytes},
                                          {"age_hours", gone.age.count()}});
    }
    return json::Object{{"used_before", report.used_before},
                        {"used_after", report.used_after},
                        {"goal_reached", report.is_goal_reached},
                        {"packages", report.packages},
                        {"in_work", report.in_work},
                        {"failed", report.failed},
                        {"bytes", report.freed.bytes},
                        {"files", report.freed.files},
                        {"removed", std::move(removed)}};
}

std::vector<std::string> as_lines(const ClearExportsReport& report, Mode mode)
{
    std::vector<std::string> lines;
    for (const auto& gone : report.removed) {
        lines.push_back(fmt::format("{} {} {}: {}, {}", removed_word(mode), kind_name(gone.kind),
                                    log::uid_tag(gone.name), bytes_text(gone.amount.bytes),
                                    days_text(gone.age.count())));
    }
    lines.push_back(fmt::format("{} {} items, {} ({} bytes); {} packages and {} working "
                                "directories stay; used {} % -> {} %",
                                removed_word(mode), report.removed.size(),
                                bytes_text(report.freed.bytes), report.freed.bytes, report.packages,
                                report.in_work, report.used_before, report.used_after));
    return lines;
}

json::Value as_json(const StaleLinkReport& report)
{
    const auto object_of = [](const TreeReport& tree) {
        return json::Object{{"links", tree.links},
                            {"stale", tree.stale},
                            {"young", tree.young},
                            {"unknown", tree.unknown},
                            {"removed", tree.removed.files},
                            {"bytes", tree.removed.bytes},
                            {"directories", tree.directories},
                            {"descriptions", tree.descriptions},
                            {"remains", tree.remains}};
    };
    json::Object trees;
    for (const auto& tree : report.trees) {
        trees.emplace(tree.tree, object_of(tree));
    }
    auto document = object_of(report.sum());
    document.emplace("trees", std::move(trees));
    document.emplace("refused", report.is_refused);
    return document;
}

std::vector<std::string> as_lines(const StaleLinkReport& report, Mode mode)
{
    std::vector<std::string> lines;
    for (const auto& tree : report.trees) {
        lines.push_back(fmt::format(
            "{}: {} links, {} stale, {} too young, {} unknown; {} {} links, {} directories, "
            "{} series JSONs, {} remains",
            tree.tree, tree.links, tree.stale, tree.young, tree.unknown, removed_word(mode),
            tree.removed.files, tree.directories, tree.descriptions, tree.remains));
    }
    const auto sum = report.sum();
    lines.push_back(fmt::format("{} {} links, {} ({} bytes)", removed_word(mode), sum.removed.files,
                                bytes_text(sum.removed.bytes), sum.removed.bytes));
    return lines;
}

} // namespace fiona::cleanup
