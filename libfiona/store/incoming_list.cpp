// SPDX-License-Identifier: MIT
#include "libfiona/store/incoming_list.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/base/file_lock.h"

#include <sys/stat.h>

#include <charconv>

namespace fiona::store {

namespace {

constexpr std::chrono::seconds lock_patience{10};
constexpr mode_t mode_of_a_new_file = 0644; // the Assign page reads it as another user

/// The field before the next blank, taken off `text`.
std::string_view take_field(std::string_view& text)
{
    const auto blank = text.find(' ');
    const auto field = text.substr(0, blank);
    text = blank == std::string_view::npos ? std::string_view{} : text.substr(blank + 1);
    return field;
}

template <typename Number>
std::optional<Number> number_in(std::string_view text)
{
    Number number{};
    const auto* const last = text.data() + text.size();
    const auto [end, problem] = std::from_chars(text.data(), last, number);
    return problem == std::errc{} && end == last ? std::optional{number} : std::nullopt;
}

std::optional<IncomingLine> parse(std::string_view text)
{
    const auto arrived = number_in<std::int64_t>(take_field(text));
    const auto caller = take_field(text);
    const auto called = take_field(text);
    const auto host = take_field(text);
    auto study = take_field(text);
    constexpr std::string_view prefix = "scp_";
    if (study.starts_with(prefix)) {
        study.remove_prefix(prefix.size());
    }
    if (!arrived || !is_uid(study)) {
        return std::nullopt;
    }
    const auto series = number_in<unsigned>(take_field(text));
    const auto modalities = take_field(text);
    return IncomingLine{.arrived = *arrived,
                        .caller = percent_decoded(caller),
                        .called = percent_decoded(called),
                        .host = percent_decoded(host),
                        .study = StudyUid{std::string{study}},
                        .series = series.value_or(0),
                        .modalities = percent_decoded(modalities),
                        .rest = std::string{text}};
}

std::string formatted(const IncomingLine& line, std::string_view rest)
{
    return fmt::format("{} {} {} {} {} {} {}{}{}", line.arrived, percent_encoded(line.caller),
                       percent_encoded(line.called), percent_encoded(line.host), line.study,
                       line.series, percent_encoded(line.modalities), rest.empty() ? "" : " ",
                       rest);
}

mode_t mode_of(const std::filesystem::path& file)
{
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 ? status.st_mode & 0777U : mode_of_a_new_file;
}

} // namespace

IncomingList::IncomingList(std::filesystem::path file) : m_file{std::move(file)} {}

void IncomingList::put(const IncomingLine& line) const
{
    make_directories(m_file.parent_path());
    const FileLock lock{m_file.native() + ".lock", lock_patience};
    const auto before = read_file_if_any(m_file).value_or("");
    std::string after;
    bool placed = false;
    for (const auto text : split(before, '\n')) {
        if (text.empty()) {
            continue;
        }
        const auto present = parse(text);
        if (!present || present->study != line.study) {
            after += fmt::format("{}\n", text);
        } else if (!placed) { // further lines of the same study go
            after += formatted(line, line.rest.empty() ? present->rest : line.rest) + "\n";
            placed = true;
        }
    }
    if (!placed) {
        after += formatted(line, line.rest) + "\n";
    }
    if (after == before) {
        return;
    }
    AtomicFile file{m_file, mode_of(m_file)};
    file.set_mode(mode_of(m_file));
    file.write(after);
    file.commit();
}

std::vector<IncomingLine> IncomingList::lines() const
{
    std::vector<IncomingLine> lines;
    const auto content = read_file_if_any(m_file).value_or("");
    for (const auto text : split(content, '\n')) {
        if (auto line = parse(text)) {
            lines.push_back(std::move(*line));
        }
    }
    return lines;
}

} // namespace fiona::store
