// SPDX-License-Identifier: MIT
#include "libfiona/status/days.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/status/memory_lock.h"
#include "libfiona/store/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <optional>

namespace fiona::status {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t most_days = 800;
constexpr std::size_t most_new_bytes = std::size_t{64} << 20U; // of the audit, in one run

std::uint64_t count_in(const json::Value* object, std::string_view key)
{
    const auto* const value = object == nullptr ? nullptr : object->find(key);
    return value != nullptr && value->is_integer() && value->integer() > 0
               ? static_cast<std::uint64_t>(value->integer())
               : 0;
}

struct Count {
    std::string_view name;
    std::uint64_t DayCounts::*member;
};
constexpr std::array<Count, 7> all_counts{{{"arrived", &DayCounts::arrived},
                                           {"sent", &DayCounts::sent},
                                           {"failed", &DayCounts::failed},
                                           {"images", &DayCounts::images},
                                           {"bytes", &DayCounts::bytes},
                                           {"masked", &DayCounts::masked},
                                           {"held", &DayCounts::held}}};

DayCounts counts_of(const json::Value& value)
{
    DayCounts counts;
    for (const auto& [name, member] : all_counts) {
        counts.*member = count_in(&value, name);
    }
    return counts;
}

/// `2026-03-01T04:05:06.789012Z`, as the audit writes it.
std::optional<TimePoint> utc_time(const std::string& text)
{
    constexpr std::size_t length = 19;
    std::tm utc{};
    if (text.size() < length) {
        return std::nullopt;
    }
    const auto* const end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
    return end == nullptr ? std::nullopt : std::optional{Clock::from_time_t(::timegm(&utc))};
}

/// Of the inode, as JSON can hold it.
std::uint64_t number_of(const struct stat& status)
{
    return status.st_ino & 0x7fff'ffff'ffff'ffffU;
}

/// Where the reading of the audit was left.
struct Place {
    std::uint64_t inode = 0;
    std::uint64_t offset = 0;
};

class Memory {
public:
    Memory(const Paths& paths, TimePoint now) : m_paths{paths}, m_now{now}
    {
        m_days.since = now;
        try {
            if (const auto text = read_file_if_any(file())) {
                restore(json::parse(*text, "the memory of days"));
            }
        } catch (const Error& e) {
            if (e.fault() != Fault::data) {
                throw; // it is there, and not ours to forget
            }
            log::warn("memory_forgotten", {{"file", file().native()}, {"reason", e.what()}});
            m_days = {{}, {}, now};
            m_place = {};
        }
    }

    void add_arrivals(const std::vector<store::IncomingLine>& arrivals)
    {
        std::map<std::string, std::uint64_t> seen;
        for (const auto& line : arrivals) {
            ++seen[local_day(TimePoint{std::chrono::seconds{line.arrived}})];
        }
        for (const auto& [day, count] : seen) {
            auto& known = m_days.days[day].arrived;
            if (count > known) { // fewer: lines went, because they are old or the study has left
                m_days.total.arrived += count - known;
                known = count;
            }
        }
    }

    void add_transfers()
    {
        const auto file = m_paths.logs() / "transfers-audit.jsonl";
        const UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
        struct stat status {};
        if (!fd && errno == ENOENT) {
            return; // nothing was ever sent
        }
        if (!fd || ::fstat(fd.get(), &status) != 0) {
            throw os_error(errno, "read the audit of transfers");
        }
        const auto inode = number_of(status);
        const auto size = static_cast<std::uint64_t>(status.st_size);
        if (m_place.inode != inode) {
            finish_rotated(file.native() + ".1");
            m_place = {inode, 0};
        }
        if (size < m_place.offset) { // cut off where it was
            m_place.offset = 0;
        }
        read_on(fd.get(), size);
    }

    void save()
    {
        while (m_days.days.size() > most_days) {
            m_days.days.erase(m_days.days.begin());
        }
        json::Object days;
        for (const auto& [day, counts] : m_days.days) {
            days.emplace(day, as_json(counts));
        }
        store::write_file(file(), json::write(json::Object{{"since", epoch_seconds(m_days.since)},
                                                           {"days", std::move(days)},
                                                           {"total", as_json(m_days.total)},
                                                           {"audit_inode", m_place.inode},
                                                           {"audit_offset", m_place.offset}}));
    }

    [[nodiscard]] Days days() const { return m_days; }

private:
    [[nodiscard]] fs::path file() const { return m_paths.state() / "status" / "days.json"; }

    void restore(const json::Value& value)
    {
        const auto* const days = value.find("days");
        const auto* const total = value.find("total");
        if (days == nullptr || total == nullptr) {
            throw Error{Fault::data, "it lacks its days"};
        }
        for (const auto& [day, counts] : days->object()) {
            m_days.days.emplace(day, counts_of(counts));
        }
        m_days.total = counts_of(*total);
        m_days.since = std::min(m_now, TimePoint{std::chrono::seconds{std::min<std::uint64_t>(
                                           count_in(&value, "since"),
                                           static_cast<std::uint64_t>(epoch_seconds(m_now)))}});
        m_place = {count_in(&value, "audit_inode"), count_in(&value, "audit_offset")};
    }

    void finish_rotated(const fs::path& rotated)
    {
        const UniqueFd fd{::open(rotated.c_str(), O_RDONLY | O_CLOEXEC)};
        struct stat status {};
        if (!fd && errno != ENOENT) {
            throw os_error(errno, "read the audit of transfers");
        }
        if (m_place.inode != 0 && fd && ::fstat(fd.get(), &status) == 0
            && m_place.inode == number_of(status)) {
            read_on(fd.get(), static_cast<std::uint64_t>(status.st_size));
        }
    }

    /// Whole lines only: what is being written now is read the next time.
    void read_on(int fd, std::uint64_t size)
    {
        if (size - std::min(size, m_place.offset) > most_new_bytes) {
            m_place.offset = size - most_new_bytes; // its first line is torn, and skipped
        }
        std::string text(size - std::min(size, m_place.offset), '\0');
        const auto got = ::pread(fd, text.data(), text.size(), static_cast<off_t>(m_place.offset));
        if (got < 0) {
            throw os_error(errno, "read the audit of transfers");
        }
        text.resize(static_cast<std::size_t>(got));
        std::size_t begin = 0;
        for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
            add_record(std::string_view{text}.substr(begin, end - begin));
            begin = end + 1;
        }
        m_place.offset += begin;
    }

    void add_record(std::string_view line)
    {
        try {
            const auto record = json::parse(line, "a line of the audit");
            const auto when = utc_time(record.text("time"));
            if (!when) {
                return;
            }
            const auto* const counts = record.find("counts");
            const auto is_sent = record.text("error").empty();
            const DayCounts news{.arrived = 0,
                                 .sent = is_sent ? 1U : 0U,
                                 .failed = is_sent ? 0U : 1U,
                                 .images = count_in(counts, "stored"),
                                 .bytes = count_in(&record, "bytes"),
                                 .masked = count_in(counts, "masked"),
                                 .held = count_in(counts, "held")};
            m_days.days[local_day(*when)] += news;
            m_days.total += news;
        } catch (const Error& e) {
            log::debug("audit_line_unreadable", {{"reason", e.what()}});
        }
    }

    const Paths& m_paths;
    TimePoint m_now;
    Days m_days;
    Place m_place;
};

} // namespace

DayCounts& DayCounts::operator+=(const DayCounts& other)
{
    for (const auto& [name, member] : all_counts) {
        this->*member += other.*member;
    }
    return *this;
}

json::Object as_json(const DayCounts& counts)
{
    json::Object object;
    for (const auto& [name, member] : all_counts) {
        object.emplace(name, counts.*member);
    }
    return object;
}

Days update_days(const Paths& paths, const std::vector<store::IncomingLine>& arrivals,
                 TimePoint now, Mode mode)
{
    const auto lock = lock_memory(paths, mode);
    Memory memory{paths, now};
    memory.add_arrivals(arrivals);
    memory.add_transfers();
    if (lock) {
        memory.save();
    }
    return memory.days();
}

std::string local_day(TimePoint when)
{
    constexpr std::size_t day_length = 10;
    return local_minute(when).substr(0, day_length);
}

std::vector<std::string> last_days(TimePoint now, unsigned count)
{
    std::vector<std::string> days;
    const auto seconds = Clock::to_time_t(now);
    std::tm today{};
    if (::localtime_r(&seconds, &today) == nullptr) {
        return days;
    }
    for (unsigned back = count; back-- > 0;) {
        std::tm noon{}; // no change of the clock is near
        noon.tm_year = today.tm_year;
        noon.tm_mon = today.tm_mon;
        noon.tm_mday = today.tm_mday - static_cast<int>(back);
        noon.tm_hour = 12;
        noon.tm_isdst = -1;
        days.push_back(local_day(Clock::from_time_t(::mktime(&noon))));
    }
    return days;
}

} // namespace fiona::status
