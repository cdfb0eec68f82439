// SPDX-License-Identifier: MIT
#include "libfiona/status/history.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"
#include "libfiona/status/memory_lock.h"
#include "libfiona/store/atomic_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace fiona::status {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t number_of_columns = 9;

fs::path file_of(const Paths& paths)
{
    return paths.state() / "status" / "history.csv";
}

std::optional<HistoryPoint> point_in(std::string_view line)
{
    const auto cells = split(line, ',');
    std::array<std::uint64_t, number_of_columns> numbers{};
    if (cells.size() != numbers.size()) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const auto number = read_number<std::uint64_t>(cells[i]);
        if (!number) {
            return std::nullopt;
        }
        numbers.at(i) = *number;
    }
    const std::chrono::seconds when{std::min<std::uint64_t>(numbers[0], end_of_clock)};
    return HistoryPoint{TimePoint{when}, numbers[1], numbers[2], numbers[3], numbers[4],
                        numbers[5],      numbers[6], numbers[7], numbers[8]};
}

std::string line_of(const HistoryPoint& point)
{
    return fmt::format("{},{},{},{},{},{},{},{},{}\n", epoch_seconds(point.when), point.spool,
                       point.spool_seconds, point.requests, point.request_seconds,
                       point.received_objects, point.received_bytes, point.disk_used_bytes,
                       point.disk_total_bytes);
}

/// How far apart two points must be at that age; nothing: too old.
std::optional<Clock::duration> least_distance(Clock::duration age)
{
    constexpr std::array<std::pair<std::chrono::hours, std::chrono::seconds>, 3> steps{
        {{48h, 270s}, {60 * 24h, 3570s}, {800 * 24h, 24 * 3600s - 30s}}};
    for (const auto& [until, distance] : steps) {
        if (age <= until) {
            return distance;
        }
    }
    return std::nullopt;
}

/// The newest is always kept; of those too close to each other the older.
std::vector<HistoryPoint> thinned(const std::vector<HistoryPoint>& points)
{
    std::vector<HistoryPoint> kept;
    for (const auto& point : points) {
        const auto distance = least_distance(points.back().when - point.when);
        const bool is_last = &point == &points.back();
        if (is_last && kept.size() > 1 && point.when - kept.back().when < *distance
            && kept.back().when - kept[kept.size() - 2].when < *distance) {
            kept.pop_back(); // the newest of a minute ago, which was no step from the one before
        }
        if (is_last || (distance && (kept.empty() || point.when - kept.back().when >= *distance))) {
            kept.push_back(point);
        }
    }
    return kept;
}

} // namespace

std::vector<HistoryPoint> read_history(const Paths& paths)
{
    std::vector<HistoryPoint> points;
    const auto text = read_file_if_any(file_of(paths)).value_or("");
    for (const auto line : split(text, '\n')) {
        if (const auto point = point_in(line)) {
            points.push_back(*point);
        }
    }
    std::ranges::sort(points, {}, &HistoryPoint::when);
    return points;
}

std::vector<HistoryPoint> extend_history(const Paths& paths, const HistoryPoint& now, Mode mode)
{
    const auto lock = lock_memory(paths, mode);
    auto points = read_history(paths);
    // Of a clock that was set back since: they would stand before us for ever.
    std::erase_if(points, [&](const HistoryPoint& point) { return point.when >= now.when; });
    points.push_back(now);
    points = thinned(points);
    if (lock) {
        std::string text;
        for (const auto& point : points) {
            text += line_of(point);
        }
        store::write_file(file_of(paths), text);
    }
    return points;
}

std::optional<TimePoint> full_when(const std::vector<HistoryPoint>& history)
{
    if (history.empty()) {
        return std::nullopt;
    }
    const auto& last = history.back();
    const auto first = std::ranges::find_if(history, [&](const HistoryPoint& point) {
        return last.when - point.when <= 7 * 24h && point.disk_total_bytes == last.disk_total_bytes;
    });
    const std::chrono::duration<double> span = last.when - first->when;
    if (span < 24h || last.disk_used_bytes <= first->disk_used_bytes) {
        return std::nullopt;
    }
    const auto per_second =
        static_cast<double>(last.disk_used_bytes - first->disk_used_bytes) / span.count();
    const auto left = static_cast<double>(last.disk_total_bytes
                                          - std::min(last.disk_total_bytes, last.disk_used_bytes));
    constexpr double most_seconds = 10 * 365 * 86400.0;
    return last.when
           + std::chrono::seconds{
               static_cast<std::int64_t>(std::min(left / per_second, most_seconds))};
}

} // namespace fiona::status
