// SPDX-License-Identifier: MIT
// Data sets that no writer should make: what the receiver answers, and what becomes of them.
#include "libfiona/base/files.h"
#include "libfiona/ingest/file_daemon.h"
#include "libfiona/store/daemon.h"
#include "tests/e2e/fault_bench.h"
#include "tests/e2e/fault_table.h"
#include "tests/support/hostile_file.h"
#include "tests/support/memory_of.h"

#include <catch2/catch.hpp>

namespace fs = std::filesystem;
using namespace fiona;
using hostile::DataSet;
using hostile::Lengths;

namespace {

const std::string kept = "status 0000: archived, linked";
const std::string refused = "status c001: rejected/unparsable";
const std::vector<std::string> no_lines;
constexpr std::uint32_t sequence_tag = 0x0040a730;
constexpr std::uint32_t tail = 0x7fe10010; ///< behind the pixel data

/// Rows that change one good data set and send it.
class Sender {
public:
    using Change = std::function<void(DataSet&)>;

    explicit Sender(Bench& bench) : m_bench{bench} {}

    [[nodiscard]] std::function<std::string()> with(const Change& change) const
    {
        return [this, change] {
            const auto ids = m_bench.fresh_ids();
            DataSet data{ids};
            change(data);
            return m_bench.store(ids, data.bytes());
        };
    }
    [[nodiscard]] std::function<std::string()> with_bytes(std::uint32_t tag,
                                                          const std::string& encoded) const
    {
        return with([=](DataSet& data) { data.put_bytes(tag, encoded); });
    }
    /// In another transfer syntax; `encode` has the last word about the bytes.
    [[nodiscard]] std::function<std::string()>
    as(const std::string& syntax, const std::function<std::string(const DataSet&)>& encode) const
    {
        return [=, this] {
            const auto ids = m_bench.fresh_ids();
            return m_bench.store(ids, encode(DataSet{ids}), syntax);
        };
    }
    /// Not sent, but put into the archive behind the receiver's back.
    [[nodiscard]] std::function<std::string()> planted(const Change& change) const
    {
        return [this, change] {
            const auto ids = m_bench.fresh_ids();
            DataSet data{ids};
            change(data);
            return m_bench.plant(ids, hostile::file(hostile::Meta{ids}.bytes(), data.bytes()));
        };
    }

private:
    Bench& m_bench;
};

std::string element(std::uint32_t tag, const std::string& vr, const std::string& value)
{
    return raw::element(tag, vr, value);
}

/// `count` empty elements of private groups, in order or in reverse.
std::string many_elements(std::uint32_t count, bool is_reversed)
{
    constexpr std::uint32_t per_group = 0xf000;
    std::string bytes;
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto number = is_reversed ? count - 1 - i : i;
        const auto group = 0x0029 + 2 * (number / per_group);
        bytes += hostile::short_header(group << 16U | (0x1000 + number % per_group), "LO", 0);
    }
    return bytes;
}

/// 65,536 private creators, and so many elements of each.
std::string many_creators(unsigned elements, hostile::Coding coding)
{
    constexpr std::uint32_t per_group = 240;
    constexpr std::uint32_t all = 65'536;
    const auto encoded = [&](std::uint32_t tag, const std::string& value) {
        return coding == hostile::Coding::implicit_vr ? raw::implicit(tag, value)
                                                      : element(tag, "LO", value);
    };
    std::string bytes;
    for (std::uint32_t first = 0; first < all; first += per_group) {
        const auto group = (0x0029 + 2 * (first / per_group)) << 16U;
        for (std::uint32_t block = 0x10; block < 0x100; ++block) {
            bytes += encoded(group | block, "PHANTOM " + std::to_string(1000 + block));
        }
        for (std::uint32_t block = 0x10; block < 0x100 && elements > 0; ++block) {
            for (std::uint32_t i = 0; i < elements; ++i) {
                bytes += encoded(group | block << 8U | i, "x ");
            }
        }
    }
    return bytes;
}

std::string undefined_sequence(const std::string& inside)
{
    return hostile::long_header(sequence_tag, "SQ", hostile::undefined) + inside;
}

} // namespace

TEST_CASE("faults 17 to 21: a data set whose structure lies is refused, one that is odd is kept")
{
    Bench bench;
    const Sender send{bench};
    using hostile::item;
    using hostile::long_header;
    using hostile::short_header;
    std::vector<FaultCase> faults;
    for (const auto depth : {64U, 65U, 20'000U, 100'000U}) {
        for (const auto lengths : {Lengths::known, Lengths::open}) {
            const auto done = std::to_string(depth) + " levels, "
                              + (lengths == Lengths::known ? "defined" : "undefined") + " length";
            const auto change = [=](DataSet& data) {
                data.put_bytes(sequence_tag, hostile::nested(depth, lengths));
            };
            faults.push_back(
                {17, "nesting", done, depth <= 64 ? kept : refused, send.with(change)});
            faults.push_back({17, "nesting", done + ", in the archive",
                              depth <= 64 ? "linked" : "given up", send.planted(change)});
        }
        faults.push_back({17, "nesting", std::to_string(depth) + " levels, implicit VR",
                          depth <= 64 ? kept : refused,
                          send.as(hostile::implicit_little, [=](const DataSet& data) {
                              constexpr auto coding = hostile::Coding::implicit_vr;
                              return data.bytes(coding)
                                     + hostile::nested(depth, Lengths::known, coding);
                          })});
    }
    const auto sent = [&](unsigned number, const std::string& name, const std::string& done,
                          const std::string& must_see, std::uint32_t tag,
                          const std::string& encoded) {
        faults.push_back({number, name, done, must_see, send.with_bytes(tag, encoded)});
    };
    const std::string name = "a length that lies";
    sent(18, name, "0xFFFFFFFE", refused, tail, long_header(tail, "OB", 0xfffffffe) + "xx");
    sent(18, name, "0x7FFFFFFF", refused, 0x00091001, long_header(0x00091001, "UN", 0x7fffffff));
    sent(18, name, "two bytes more than there are", refused, tail,
         long_header(tail, "OB", 4) + "xx");
    sent(18, name, "a short one beyond the end", refused, tail, short_header(tail, "LO", 0xfffe));
    sent(18, name, "odd, of two texts", kept, 0x00081030,
         short_header(0x00081030, "LO", 3) + "odd" + short_header(0x00081040, "LO", 3) + "odd");
    sent(18, name, "undefined, of a text", refused, 0x00080090,
         long_header(0x00080090, "UT", hostile::undefined) + "text");
    sent(18, name, "an item longer than its sequence", refused, sequence_tag,
         long_header(sequence_tag, "SQ", 16) + item(32) + element(0x00080060, "CS", "MR"));
    sent(18, name, "a sequence longer than the file", refused, sequence_tag,
         long_header(sequence_tag, "SQ", 0x00ffffff) + item(0));

    const std::string framing = "framing";
    sent(19, framing, "a sequence without its delimiter", refused, tail,
         long_header(tail, "SQ", hostile::undefined) + item(0));
    sent(19, framing, "an item of a wrong tag", refused, sequence_tag,
         undefined_sequence(raw::tag(0xfffee001) + raw::little(0, 4) + hostile::sequence_end));
    sent(19, framing, "an element where an item must be", refused, sequence_tag,
         undefined_sequence(element(0x00080060, "CS", "MR") + hostile::sequence_end));
    sent(19, framing, "a delimiter with a length", refused, sequence_tag,
         undefined_sequence(raw::tag(0xfffee0dd) + raw::little(8, 4)));
    sent(19, framing, "a delimiter outside of any sequence", refused, sequence_tag,
         hostile::sequence_end);
    sent(19, framing, "trailing garbage", refused, 0xfffffffe, "\xde\xad\xbe\xef\xde\xad");
    sent(19, framing, "trailing zeros", refused, 0xfffffffe, std::string(64, '\0'));
    sent(19, framing, "padding (FFFC,FFFC)", kept, 0xfffcfffc,
         element(0xfffcfffc, "OB", std::string(100, '\0')));

    const std::string order = "order of tags";
    sent(20, order, "a small tag at the end", kept, 0xfffffffe, element(0x00080050, "SH", "1"));
    sent(20, order, "the study's UID behind the pixels", kept, 0x0020000d, "");
    faults.back().act = send.with([](DataSet& data) {
        data.drop(0x0020000d)
            .put_bytes(tail, element(0x0020000d, "UI", "1.2.826.0.1.3680043.8.498.9.20"));
    });
    sent(20, order, "the study's UID twice, the second one of another study", kept, 0x0020000e, "");
    faults.back().act = [&bench] {
        const auto ids = bench.fresh_ids();
        DataSet data{ids};
        data.put_bytes(0x0020000f, element(0x0020000d, "UI", "1.2.3.4.5"));
        const auto seen = bench.store(ids, data.bytes());
        return fs::exists(bench.archived(ids)) ? seen : seen + ", under another study";
    };
    sent(20, order, "group 0000 inside", refused, 0x00080001, element(0x00000002, "UI", "1.2.3"));
    sent(20, order, "group 0002 inside", refused, 0x00080001,
         element(0x00020010, "UI", hostile::implicit_little));
    sent(20, order, "an item of group FFFE at top level", refused, 0x00080001, item(0));
    faults.push_back({20, order, "200,000 elements from the last to the first", refused,
                      send.with_bytes(0x00290000, many_elements(200'000, true))});

    const std::string vr = "value representation";
    sent(21, vr, "letters that are none", refused, 0x00081030,
         raw::tag(0x00081030) + "a1" + raw::little(2, 2) + "xx");
    sent(21, vr, "two blanks", refused, 0x00081030,
         raw::tag(0x00081030) + "  " + raw::little(2, 2) + "xx");
    sent(21, vr, "two letters that nobody knows", kept, 0x00091001,
         long_header(0x00091001, "ZQ", 2) + "xx");
    sent(21, vr, "UN that holds a sequence", kept, 0x00091001,
         long_header(0x00091001, "UN", hostile::undefined) + item(10)
             + raw::implicit(0x00080060, "MR") + hostile::sequence_end);
    sent(21, vr, "UN of defined length over a standard sequence", kept, 0x00081140,
         element(0x00081140, "UN", item(0)));
    sent(21, vr, "a number where a name belongs", kept, 0x00100010,
         raw::tag(0x00100010) + "US" + raw::little(2, 2) + "xx");
    sent(21, vr, "a name where the rows belong", kept, 0x00280010,
         element(0x00280010, "PN", "Rows^Of"));
    const auto as_coding = [](hostile::Coding coding) {
        return [=](const DataSet& data) { return data.bytes(coding); };
    };
    faults.push_back({21, vr, "implicit VR declared explicit", refused,
                      send.as(raw::explicit_little, as_coding(hostile::Coding::implicit_vr))});
    faults.push_back({21, vr, "explicit VR declared implicit", refused,
                      send.as(hostile::implicit_little, as_coding(hostile::Coding::explicit_vr))});
    faults.push_back({21, vr, "big endian", kept,
                      send.as(hostile::explicit_big, as_coding(hostile::Coding::big_endian))});
    faults.push_back({21, vr, "little endian declared big", refused,
                      send.as(hostile::explicit_big, as_coding(hostile::Coding::explicit_vr))});

    run_faults(faults);

    CHECK(bench.bad_log_lines() == no_lines);
}

TEST_CASE("faults 24, 27 and 30: bombs, decoys and crowds of elements")
{
    Bench bench;
    const Sender send{bench};
    const auto deflated = [&](const std::function<std::string(const std::string&)>& pack) {
        return send.as(hostile::deflated,
                       [=](const DataSet& data) { return raw::even(pack(data.bytes()), '\0'); });
    };
    const auto zeros = hostile::long_header(tail, "OB", 300'000'000);
    // Objects are received in children, each with what its parent may have.
    limit_memory(bench.receiver_pid(), 96);
    const auto processor = store::running_daemon(ingest::pid_file(bench.config())).value();
    const auto before = memory_kb(processor, "VmHWM");
    std::vector<FaultCase> faults{
        {24, "deflate", "an honest one", kept,
         deflated([](const auto& bytes) { return hostile::deflate(bytes); })},
        {24, "deflate", "a bomb of 300 MB in 300 kB", refused, deflated([&](const auto& bytes) {
             return hostile::deflate_bomb(bytes + zeros, 300'000'000);
         })},
        {24, "deflate", "cut in the middle", refused, deflated([](const auto& bytes) {
             const auto whole = hostile::deflate(bytes);
             return whole.substr(0, whole.size() / 2);
         })},
        {24, "deflate", "a second stream behind it", refused, deflated([](const auto& bytes) {
             return hostile::deflate(bytes) + hostile::deflate(bytes);
         })},
        {24, "deflate", "not deflated at all", refused,
         deflated([](const auto& bytes) { return bytes; })},
        {27, "decoy", "a nested StudyInstanceUID before the real one",
         "status 0000: archived, linked, under the real study",
         [&] {
             const auto ids = bench.fresh_ids();
             DataSet data{ids};
             const auto inside =
                 element(0x0020000d, "UI", "1.2.3.4.5") + element(0x0020000e, "UI", "1.2.3.4.5.6");
             const auto items = hostile::item(static_cast<std::uint32_t>(inside.size())) + inside;
             data.put_bytes(0x00081200, element(0x00081200, "SQ", items));
             data.put_bytes(0x00081140, element(0x00081140, "SQ", items));
             const auto seen = bench.store(ids, data.bytes());
             const auto link = bench.config().paths.raw() / ids.study / ids.series / ids.sop;
             return seen + (fs::is_symlink(link) ? ", under the real study" : "");
         }},
        {30, "crowd", "1,000,000 elements", kept,
         send.with_bytes(0x00290000, many_elements(1'000'000, false))},
        {30, "crowd", "65,536 private creators", kept,
         send.with_bytes(0x00290000, many_creators(0, hostile::Coding::explicit_vr))},
        {30, "crowd", "65,536 private creators with ten elements each", refused,
         send.with_bytes(0x00290000, many_creators(10, hostile::Coding::explicit_vr))},
        {30, "crowd", "the same in implicit VR", refused,
         send.as(hostile::implicit_little,
                 [](const DataSet& data) {
                     return data.bytes(hostile::Coding::implicit_vr)
                            + many_creators(10, hostile::Coding::implicit_vr);
                 })},
        {30, "crowd", "a creator's block in another slot", kept,
         send.with_bytes(0x00290000, element(0x002900e0, "LO", "SIEMENS CSA HEADER")
                                         + element(0x0029e010, "OB", "SV10"))},
    };

    run_faults(faults);

    CHECK(bench.bad_log_lines() == no_lines);
    CHECK((!is_memory_measured || memory_kb(processor, "VmHWM") < before + 96 * 1024));
}
