// SPDX-License-Identifier: MIT
#include "libfiona/store/clock_guard.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/store/atomic_file.h"

#include <charconv>
#include <cstdint>
#include <optional>

namespace fiona::store {

namespace {

using std::chrono::seconds;

constexpr seconds most_drift = std::chrono::hours{1};
constexpr seconds longest_absence = std::chrono::hours{24 * 31};
constexpr std::size_t most_note_bytes = 4096;

struct Note {
    seconds wall{};
    seconds since_boot{};
    std::string boot;
};

std::optional<Note> read_note(const std::filesystem::path& file)
{
    const auto text = read_file_if_any(file, most_note_bytes);
    if (!text) {
        return std::nullopt;
    }
    try {
        const auto note = json::parse(*text, file.native());
        const auto* const wall = note.find("wall_s");
        const auto* const since_boot = note.find("since_boot_s");
        if (wall == nullptr || since_boot == nullptr) {
            return std::nullopt;
        }
        return Note{seconds{wall->integer()}, seconds{since_boot->integer()}, note.text("boot")};
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        return std::nullopt;
    }
}

/// How far the wall clock is from where it should be, as far as anybody can know.
seconds jump(const Note& before, const Note& after)
{
    const auto went_by = after.wall - before.wall;
    if (before.boot == after.boot) {
        const auto difference = went_by - (after.since_boot - before.since_boot);
        return std::chrono::abs(difference) > most_drift ? difference : seconds{0};
    }
    return went_by < -most_drift || went_by > longest_absence ? went_by : seconds{0};
}

} // namespace

ClockReading read_clocks(TimePoint now)
{
    const auto uptime = read_file("/proc/uptime", most_note_bytes); // `4711.08 9000.15`
    std::int64_t since_boot = 0;
    const auto read = std::from_chars(uptime.data(), uptime.data() + uptime.size(), since_boot);
    if (read.ec != std::errc{}) {
        throw Error{Fault::io, "/proc/uptime holds no time"};
    }
    const auto boot = read_file("/proc/sys/kernel/random/boot_id", most_note_bytes);
    return {now, seconds{since_boot}, std::string{trimmed(boot)}};
}

void check_clock(const Paths& paths, const std::string& who, Mode mode, const ClockReading& clocks)
{
    const auto file = paths.status() / ("clock-" + who + ".json");
    const Note now{std::chrono::floor<seconds>(clocks.now.time_since_epoch()), clocks.since_boot,
                   clocks.boot};
    if (const auto before = read_note(file)) {
        if (const auto by = jump(*before, now); by != seconds{0}) {
            throw Error{Fault::temporary,
                        "the clock has jumped by {} hours since the last run: nobody can say how "
                        "old a file is, nothing is removed. If it is right now, remove {}",
                        std::chrono::round<std::chrono::hours>(by).count(), file.native()};
        }
    }
    if (mode == Mode::apply) {
        try {
            make_directories(file.parent_path());
            store::write_file(file,
                              json::write(json::Object{{"wall_s", now.wall.count()},
                                                       {"since_boot_s", now.since_boot.count()},
                                                       {"boot", now.boot}})
                                  + "\n");
        } catch (const Error& e) { // a full disk: the run that would make room must not stop here
            log::warn("clock_not_noted", {{"reason", e.what()}});
        }
    }
}

} // namespace fiona::store
