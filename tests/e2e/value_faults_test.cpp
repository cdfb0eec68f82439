// SPDX-License-Identifier: MIT
// Values that no scanner should send: UIDs, character sets, dates, and the same object twice.
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/prescan.h"
#include "tests/e2e/fault_bench.h"
#include "tests/e2e/fault_table.h"
#include "tests/support/hostile_file.h"

#include <catch2/catch.hpp>

#include <array>
#include <thread>

using namespace fiona;
using hostile::DataSet;

namespace {

const std::string kept = "status 0000: archived, linked";
const std::vector<std::string> no_lines;

std::string series_json(const Bench& bench, const raw::Ids& ids)
{
    return read_file_if_any(bench.config().paths.raw() / ids.study / (ids.series + ".json"))
        .value_or("");
}

/// Sends an image with such a value and says whether its JSON can be read.
std::function<std::string()> with_json(Bench& bench, const std::function<void(DataSet&)>& change)
{
    return [&bench, change] {
        const auto ids = bench.fresh_ids();
        DataSet data{ids};
        change(data);
        const auto seen = bench.store(ids, data.bytes());
        const auto text = series_json(bench, ids);
        try {
            static_cast<void>(json::parse(text, "series"));
        } catch (const Error& e) {
            return seen + ", but " + e.what();
        }
        return seen + (is_utf8(text) ? "" : ", but no UTF-8");
    };
}

} // namespace

TEST_CASE("fault 26: a UID that is none is no path and no name")
{
    struct Uid {
        std::string name;
        std::string text;
        std::string as_sop;    ///< what must be seen when it is the SOP instance
        std::string as_series; ///< or the study, or the series
    };
    const std::string bad = "status c002: rejected/illegal_uid";
    const std::string bad_command = "status 0117: rejected/illegal_command_uid";
    const std::string missing = "status c002: rejected/missing_uid";
    Bench bench;
    std::vector<FaultCase> faults;
    const std::vector<Uid> uids{
        {"empty", "", "aborted: nothing kept", missing},
        {"65 characters", "1." + std::string(63, '2'), "aborted: nothing kept", bad},
        {"300 characters", "1." + std::string(298, '2'), "aborted: nothing kept", bad},
        {"..", "..", bad_command, bad},
        {".", ".", bad_command, bad},
        {"a leading zero", "1.02.3.4.26", kept, kept},
        {"letters", "1.2.abc", bad_command, bad},
        {"a NUL inside", std::string{"1.2\0.3", 6}, "status a900: rejected/mismatch", bad},
        {"a line end inside", "1.2\n.3", "status a900: rejected/mismatch", bad},
        {"a slash", "1.2/3", bad_command, bad},
        {"a way out", "../../../../evil", bad_command, bad},
        {"an absolute path", "/tmp/evil", bad_command, bad},
        {"a command", "1.2;$(touch evil)", bad_command, bad},
        {"Unicode digits", "1.\xef\xbc\x92.3", bad_command, bad},
        {"trailing blanks", "1.2.3.4.27  ", kept, kept},
    };
    for (const auto& uid : uids) {
        const auto change = [&bench, text = uid.text](std::string raw::Ids::*which) {
            return [&bench, text, which] {
                auto ids = bench.fresh_ids();
                ids.*which = text;
                return bench.store(ids, DataSet{ids}.bytes());
            };
        };
        faults.push_back({26, "SOP instance UID", uid.name, uid.as_sop, change(&raw::Ids::sop)});
        faults.push_back({26, "study UID", uid.name, uid.as_series, change(&raw::Ids::study)});
        faults.push_back({26, "series UID", uid.name, uid.as_series, change(&raw::Ids::series)});
    }
    faults.push_back({26, "UIDs", "the same for study, series and instance", kept, [&bench] {
                          auto ids = bench.fresh_ids();
                          ids.series = ids.study;
                          ids.sop = ids.study;
                          return bench.store(ids, DataSet{ids}.bytes());
                      }});

    run_faults(faults);

    CHECK(bench.bad_log_lines() == no_lines);
}

TEST_CASE("faults 28 and 29: text and dates of any kind end in a JSON that can be read")
{
    Bench bench;
    std::vector<FaultCase> faults;
    const auto text = [&](const std::string& done, const std::string& charset,
                          const std::string& name) {
        faults.push_back({28, "character set", done, kept, with_json(bench, [=](DataSet& data) {
                              data.put(0x00080005, "CS", charset).put(0x00100010, "PN", name);
                              data.put(0x00100020, "LO", name).put(0x0008103e, "LO", name);
                          })});
    };
    text("ISO 2022 with escapes", "\\ISO 2022 IR 87", "Phantom^\x1b$B;3ED\x1b(B=\x1b$BB@O:\x1b(B");
    text("UTF-8 declared Latin-1", "ISO_IR 100", "Ph\xc3\xa6ntom^\xc3\x98");
    text("Latin-1 declared UTF-8", "ISO_IR 192", "Ph\xe6ntom^\xd8");
    text("several values", "ISO 2022 IR 6\\ISO 2022 IR 100\\ISO 2022 IR 144", "A^\x1b-L\xbf\xd0");
    text("a broken escape", "ISO 2022 IR 6\\ISO 2022 IR 87", "Phantom\x1b$");
    text("an escape to nowhere", "ISO 2022 IR 6", "Phantom\x1b(Z\x1b");
    text("a character set nobody knows", "ISO_IR 4711", "Phantom\xff\xfe");
    text("GB18030 cut in the middle", "GB18030", "Phantom\x81");
    text("five ^ and three =", "ISO_IR 100", "A^B^C^D^E^F=G^H=I^J=K");
    text("a NUL and control characters", "ISO_IR 100", std::string{"A\0B\x01\x1f\x7f", 6});
    text("10,000 characters", "ISO_IR 100", std::string(10'000, 'n'));
    for (const auto* const date : {"20240230", "2024.01.01", "20240101-20241231", "", "20240229",
                                   "99999999", "00000000", "2024", "../../x", "\xd9\xa2\xd9\xa0"}) {
        faults.push_back({29, "study date", date, kept, with_json(bench, [=](DataSet& data) {
                              data.put(0x00080020, "DA", date).put(0x00080021, "DA", date);
                          })});
    }
    for (const auto* const time : {"", "25", "240000", "10:11:12", "101112.1234567", "-1", "/"}) {
        faults.push_back({29, "study time", time, kept, with_json(bench, [=](DataSet& data) {
                              data.put(0x00080030, "TM", time).put(0x00080031, "TM", time);
                          })});
    }
    faults.push_back(
        {29, "age and date-time", "-01Y, and a zone", kept, with_json(bench, [](DataSet& data) {
             data.put(0x00101010, "AS", "-01Y");
             data.put(0x0008002a, "DT", "20240229101112.000000+1400");
         })});

    run_faults(faults);

    CHECK(bench.bad_log_lines() == no_lines);
}

TEST_CASE("faults 10 and 58: command and data set disagree, and the same object again")
{
    Bench bench{{{"max_per_peer", 20}}};
    const auto number_of_files = [&](const raw::Ids& ids) {
        return json::parse(series_json(bench, ids), "series").text("NumFiles");
    };
    const std::vector<FaultCase> faults{
        {10, "command and data set", "another SOP instance", "status a900: rejected/mismatch",
         [&] {
             const auto command = bench.fresh_ids();
             return bench.store(command, DataSet{bench.fresh_ids()}.bytes());
         }},
        {10, "command and data set", "another SOP class", "status a900: rejected/mismatch",
         [&] {
             const auto command = bench.fresh_ids();
             auto other = command;
             other.sop_class = "1.2.840.10008.5.1.4.1.1.2";
             return bench.store(command, DataSet{other}.bytes());
         }},
        {10, "command and data set", "a SOP class that the context does not have",
         "status 0122: rejected/other_class",
         [&] {
             const auto ids = bench.fresh_ids();
             const raw::Association association{bench.port()};
             auto other = ids;
             other.sop_class = "1.2.840.10008.5.1.4.1.1.2";
             const auto status = association.store(other, DataSet{other}.bytes()).value_or(0xffff);
             const auto words = fmt::format("status {:04x}: ", status);
             return words + bench.changes();
         }},
        {58, "twice", "the same bytes",
         "status 0000: archived, linked; status 0000: nothing kept; 1 file",
         [&] {
             const auto ids = bench.fresh_ids();
             const auto data = DataSet{ids}.bytes();
             const auto first = bench.store(ids, data);
             const auto second = bench.store(ids, data);
             return first + "; " + second + "; " + number_of_files(ids) + " file";
         }},
        {58, "twice", "other bytes", "status 0000: archived, linked; status 0000: replaced; 1 file",
         [&] {
             const auto ids = bench.fresh_ids();
             const auto first = bench.store(ids, DataSet{ids}.bytes());
             const auto second =
                 bench.store(ids, DataSet{ids}.put(0x00081030, "LO", "other").bytes());
             return first + "; " + second + "; " + number_of_files(ids) + " file";
         }},
        {58, "sixteen senders at once", "the same object, ten times each, of two contents",
         "160 times status 0000; archived, linked; whole; 1 file",
         [&] {
             const auto ids = bench.fresh_ids();
             const std::array<std::string, 2> data{
                 DataSet{ids}.put(0x7fe00010, "OB", std::string(50'000, 'a')).bytes(),
                 DataSet{ids}.put(0x7fe00010, "OB", std::string(50'000, 'b')).bytes()};
             std::array<unsigned, 16> successes{};
             {
                 std::vector<std::jthread> senders;
                 for (std::size_t i = 0; i < successes.size(); ++i) {
                     senders.emplace_back([&, i] {
                         const raw::Association association{bench.port()};
                         for (unsigned times = 0; times < 10; ++times) {
                             successes[i] +=
                                 association.store(ids, data[(i + times) % 2]) == 0x0000 ? 1U : 0U;
                         }
                         static_cast<void>(association.release());
                     });
                 }
             }
             unsigned all = 0;
             for (const auto count : successes) {
                 all += count;
             }
             const auto seen = bench.changes();
             const auto file = bench.archived(ids);
             const auto stored = read_file(file).substr(dicom::prescan_file(file).data_set_offset);
             const bool is_whole = stored == data[0] || stored == data[1];
             return fmt::format("{} times status 0000; {}; {}; {} file", all, seen,
                                is_whole ? "whole" : "torn", number_of_files(ids));
         }},
    };

    run_faults(faults);

    CHECK(bench.bad_log_lines() == no_lines);
}
