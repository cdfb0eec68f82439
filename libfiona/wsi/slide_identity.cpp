// SPDX-License-Identifier: MIT
#include "libfiona/wsi/slide_identity.h"

#include "libfiona/anonymize/project_file.h"
#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <ctime>
#include <iterator>

namespace fiona::wsi {

namespace {

using anonymize::UidForm;

/// Each part with its length, so that no two lists of parts are the same text.
std::string digest_of(const std::vector<std::string>& parts)
{
    std::string text;
    for (const auto& part : parts) {
        text += fmt::format("{}:{}", part.size(), part);
    }
    return sha256_hex(text);
}

std::string slide_of(const Upload& upload, const std::string& image_sha256)
{
    const auto& slide_id = upload.record.slide_id;
    return digest_of({upload.project.str(), upload.participant.str(), upload.event.str(),
                      slide_id.empty() ? "image" : "slide",
                      slide_id.empty() ? image_sha256 : slide_id});
}

/// Where day, month and year stand in a scan date.
struct DateForm {
    std::size_t year_at;
    std::size_t year_digits;
    std::size_t month_at;
    std::size_t day_at;
    std::size_t length;
};
constexpr DateForm american_short{6, 2, 0, 3, 8}; // MM/DD/YY, Aperio
constexpr DateForm american_long{6, 4, 0, 3, 10}; // MM/DD/YYYY, newer Aperio
constexpr DateForm year_first{0, 4, 5, 8, 10};    // YYYY:MM:DD (TIFF 6.0, DateTime), YYYY/MM/DD

std::optional<int> number_at(std::string_view text, std::size_t at, std::size_t digits)
{
    const auto part = text.substr(at, digits);
    const auto number = read_number<int>(part);
    return number && part.front() != '-' ? number : std::nullopt;
}

struct ScanDate {
    std::chrono::year_month_day day;
    DateForm form;
};

std::optional<ScanDate> parse_with(std::string_view text, const DateForm& form)
{
    if (text.size() != form.length) {
        return std::nullopt;
    }
    const auto year = number_at(text, form.year_at, form.year_digits);
    const auto month = number_at(text, form.month_at, 2);
    const auto day = number_at(text, form.day_at, 2);
    if (!year || !month || !day) {
        return std::nullopt;
    }
    constexpr int century = 2000; // no scanner is older
    const std::chrono::year_month_day date{
        std::chrono::year{form.year_digits == 2 ? century + *year : *year},
        std::chrono::month{static_cast<unsigned>(*month)},
        std::chrono::day{static_cast<unsigned>(*day)}};
    return date.ok() ? std::optional{ScanDate{date, form}} : std::nullopt;
}

/// Of the first word of the value.
std::optional<ScanDate> parse_scan_date(std::string_view value)
{
    auto text = trimmed(value);
    text = text.substr(0, text.find_first_of(" T\t"));
    for (const auto& form : {american_short, american_long, year_first}) {
        if (auto date = parse_with(text, form)) {
            return date;
        }
    }
    return std::nullopt;
}

std::string local_date_time(TimePoint when)
{
    const auto seconds = Clock::to_time_t(when);
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    constexpr int first_year = 1900; // of std::tm
    return fmt::format("{:04}{:02}{:02}{:02}{:02}{:02}", parts.tm_year + first_year,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

} // namespace

struct SlideIdentity::Rules {
    anonymize::UidScheme scheme;
    anonymize::DateShift shift;
    std::vector<std::byte> key;
};

SlideIdentity::Rules SlideIdentity::rules_of(const Config& config, const ProjectName& project)
{
    const anonymize::ProjectFiles files{config.deidentify.projects, config.paths.keys()};
    make_directories(files.projects.parent_path());
    const FileLock lock{anonymize::lock_of(files), std::chrono::seconds{30}};
    anonymize::ProjectFile file{files, project.str()};
    static_cast<void>(file.key());
    const auto secret = file.secret();
    std::vector<std::byte> key;
    std::ranges::transform(secret.reveal(), std::back_inserter(key),
                           [](char c) { return static_cast<std::byte>(c); });
    return {file.scheme(), file.date_shift(), std::move(key)};
}

SlideIdentity::SlideIdentity(const Config& config, const Upload& upload,
                             const std::string& image_sha256)
    : SlideIdentity{rules_of(config, upload.project), upload, image_sha256}
{
}

SlideIdentity::SlideIdentity(Rules rules, const Upload& upload, const std::string& image_sha256)
    : m_project{upload.project.str()}, m_slide{slide_of(upload, image_sha256)},
      m_key{std::move(rules.key)}, m_dates{rules.shift, upload.project, upload.participant, m_key},
      m_uids{std::make_shared<anonymize::UidMap>(rules.scheme, m_project, m_key)}
{
}

std::string SlideIdentity::source(std::string_view what) const
{
    return fmt::format("slide {} {}", what, m_slide);
}

SlideUids SlideIdentity::uids() const
{
    const auto make = [&](std::string_view what, UidForm form) {
        return m_uids->map(source(what), form);
    };
    return {.study = make("study", UidForm::study),
            .series = make("series", UidForm::instance),
            .frame_of_reference = make("frame of reference", UidForm::instance),
            .dimension_organization = make("dimension organization", UidForm::instance),
            .pyramid = make("pyramid", UidForm::instance),
            .specimen = make("specimen", UidForm::instance),
            .instance = [uids = m_uids, stem = source("level")](std::size_t level) {
                return uids->map(fmt::format("{} {}", stem, level), UidForm::instance);
            }};
}

std::string SlideIdentity::device(const Private<std::string>& scanner) const
{
    const auto bare = trimmed(scanner.reveal());
    if (bare.empty()) {
        return {};
    }
    constexpr std::size_t digits = 16;
    return to_hex(hmac_sha256(m_key, fmt::format("{}{}scanner {}", m_project, '\0', bare)))
        .substr(0, digits);
}

std::string SlideIdentity::moved(const Private<std::string>& scan_date) const
{
    const auto date = parse_scan_date(scan_date.reveal());
    if (!date) {
        return {};
    }
    const auto day = m_dates.move(date->day);
    const auto year = static_cast<int>(day.year());
    const auto month = static_cast<unsigned>(day.month());
    const auto day_of_month = static_cast<unsigned>(day.day());
    constexpr int century = 100;
    if (date->form.year_at == 0) {
        const char separator = trimmed(scan_date.reveal())[4];
        return fmt::format("{:04}{}{:02}{}{:02}", year, separator, month, separator, day_of_month);
    }
    return date->form.year_digits == 2
               ? fmt::format("{:02}/{:02}/{:02}", month, day_of_month, year % century)
               : fmt::format("{:02}/{:02}/{:04}", month, day_of_month, year);
}

std::string SlideIdentity::date_time(const Private<std::string>& scan_date, TimePoint begun) const
{
    const auto date = parse_scan_date(scan_date.reveal());
    return date ? format_da(m_dates.move(date->day)) + "000000" : local_date_time(begun);
}

} // namespace fiona::wsi
