// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/planted_corpus.h"
#include "tests/support/run_tool.h"
#include "tests/support/skip.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

#include <sysexits.h>

#include <charconv>
#include <cstring>
#include <map>

// The corpus of planted identities through the tool, judged by the ten kinds of check of the MIDI-B
// benchmark: every one must pass, and no mark may be in any byte that the tool lets out.

using namespace fiona;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

/// An output as DCMTK reads it, which shares no code with the tool's reader.
class Output {
public:
    explicit Output(const fs::path& file) : m_bytes{read_file(file)}
    {
        REQUIRE(m_format.loadFile(file.c_str()).good());
    }

    [[nodiscard]] const std::string& bytes() const { return m_bytes; }

    /// By "gggg,eeee>gggg,eeee"; first items. Private elements by their place, as the blocks stay.
    [[nodiscard]] std::optional<std::string> value(std::string_view path)
    {
        DcmItem* item = m_format.getDataset();
        for (;;) {
            const DcmTagKey key{number(path.substr(0, 4)), number(path.substr(5, 4))};
            if (path.size() == 9) {
                return leaf(*item, key);
            }
            DcmItem* next = nullptr;
            if (item->findAndGetSequenceItem(key, next, 0).bad()) {
                return std::nullopt;
            }
            item = next;
            path.remove_prefix(10);
        }
    }

private:
    static Uint16 number(std::string_view hex)
    {
        Uint16 result = 0;
        std::from_chars(hex.data(), hex.data() + hex.size(), result, 16);
        return result;
    }

    static std::optional<std::string> leaf(DcmItem& item, const DcmTagKey& key)
    {
        DcmElement* element = nullptr;
        if (item.findAndGetElement(key, element).bad()) {
            return std::nullopt;
        }
        if (element->ident() == EVR_SQ) {
            return "";
        }
        OFString text;
        if (element->isaString()) {
            element->getOFStringArray(text);
            return std::string{text.c_str(), text.size()};
        }
        Float64 real = 0;
        if (element->getFloat64(real).good()) {
            std::string raw(sizeof real, '\0');
            std::memcpy(raw.data(), &real, sizeof real);
            return raw;
        }
        Uint8* bytes = nullptr;
        if (element->getUint8Array(bytes).good() && bytes != nullptr) {
            return std::string{reinterpret_cast<const char*>(bytes), element->getLength()};
        }
        return "";
    }

    DcmFileFormat m_format;
    std::string m_bytes;
};

struct Run {
    explicit Run(const std::vector<std::string>& more = {})
        : corpus{planted::make_corpus(root / "in")}
    {
        store::write_file(root / "key", std::string(32, 'k'), 0600);
        OFLog::configure(OFLogger::ERROR_LOG_LEVEL);
        std::vector<std::string> arguments{
            "-i", root / "in",  "-o",         root / "out",     "-j",         "GLIOMA",
            "-p", "GLI_001",    "-e",         "baseline",       "-d",         "42",
            "-b", "--key-file", root / "key", "--keep-private", "mr-research"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        outcome = run_tool("fiona-anonymize", arguments);
        arguments[3] = root / "mapped";
        arguments.emplace_back("-m");
        static_cast<void>(run_tool("fiona-anonymize", arguments));
        const auto mapping = json::parse(read_file(root / "mapped" / "mapping.json"), "mapping");
        for (const auto* const table : {"StudyInstanceUID", "SOPInstanceUID"}) {
            for (const auto& [before, after] : mapping.find(table)->object()) {
                new_uids[before] = after.string();
            }
        }
        for (const auto& entry : fs::recursive_directory_iterator{root / "out"}) {
            if (entry.is_regular_file()) {
                const auto name = entry.path().stem().native();
                files[name.substr(name.find('.') + 1)] = entry.path();
            }
        }
    }

    TempDir root;
    planted::Corpus corpus;
    Outcome outcome;
    std::map<std::string, std::string> new_uids;
    std::map<std::string, fs::path> files; ///< by new SOP instance UID
};

/// What a check finds wrong; empty: passed.
std::string judged(const planted::Check& check, Output& output, const Run& run)
{
    using enum planted::Kind;
    const auto value = check.path.empty() ? std::optional<std::string>{} : output.value(check.path);
    const auto holds = [&] { return output.bytes().find(check.value) != std::string::npos; };
    switch (check.kind) {
    case tag_retained: return value ? "" : "the element is gone";
    case text_notnull: return value && !value->empty() ? "" : "no value";
    case text_retained:
        return value && value->find(check.value) != std::string::npos ? "" : "the value is gone";
    case text_removed:
    case date_shifted:
    case uid_changed: return holds() ? "the original is still there" : "";
    case pixels_hidden: return holds() || value ? "the drawing is still there" : "";
    case uid_consistent: {
        const auto expected = run.new_uids.find(check.value);
        const bool known = expected != run.new_uids.end();
        return value && value != check.value && (!known || *value == expected->second)
                   ? ""
                   : "another UID than elsewhere";
    }
    case patid_consistent: return value == "GLI_001" ? "" : "another patient";
    case pixels_retained: return output.bytes().ends_with(check.value) ? "" : "other pixels";
    }
    return "no such check";
}

} // namespace

TEST_CASE("fiona-anonymize: the corpus of planted identities scores 100 % on the answer key")
{
    // The rules must do it by themselves; the verification is there for what nobody thought of.
    const auto verification =
        GENERATE(std::vector<std::string>{},
                 std::vector<std::string>{"--verify", "off", "--i-know-this-leaks"});
    Run run{verification};
    CAPTURE(run.outcome.err);

    std::vector<std::string> failed;
    std::map<planted::Kind, std::size_t> passed;
    for (std::size_t i = 0; i < run.corpus.objects.size(); ++i) {
        const auto& object = run.corpus.objects[i];
        const auto written = run.files.find(run.new_uids[object.instance]);
        if (object.must_be_refused) {
            CHECK(written == run.files.end());
            continue;
        }
        INFO("object " << i);
        REQUIRE(written != run.files.end());
        Output output{written->second};
        for (const auto& check : run.corpus.key) {
            if (check.object != i) {
                continue;
            }
            if (const auto problem = judged(check, output, run); problem.empty()) {
                ++passed[check.kind];
            } else {
                failed.push_back(fmt::format("object {} {} {} {:?}: {}", i, name_of(check.kind),
                                             check.path, check.value.substr(0, 40), problem));
            }
        }
    }

    CHECK(failed == std::vector<std::string>{});
    CHECK(passed.size() == 10); // every kind was asked
    CHECK(passed[planted::Kind::text_removed] > 3000);
}

TEST_CASE("fiona-anonymize: no mark of the corpus is in any output byte, name or line")
{
    Run run;

    CHECK(run.outcome.exit_code == EX_DATAERR); // the documents
    store::write_file(run.root / "out" / "stdout", run.outcome.out);
    store::write_file(run.root / "out" / "stderr", run.outcome.err);
    std::vector<std::string> leaks;
    for (const auto& leak : leak_scan({run.root / "out"}, run.corpus.marks)) {
        leaks.push_back(describe(leak));
    }
    CHECK(leaks == std::vector<std::string>{});
    for (const auto& [uid, file] : run.files) {
        const auto bytes = read_file(file);
        for (const auto& mark : run.corpus.encoded) {
            CHECK(bytes.find(mark) == std::string::npos);
        }
    }
}

namespace {

struct Documents {
    explicit Documents(const std::string& pdf)
    {
        store::write_file(root / "key", std::string(32, 'k'), 0600);
        auto item = phantom::image();
        phantom::put(item, phantom::text({0x0008, 0x0016}, "UI", "1.2.840.10008.5.1.4.1.1.104.1"));
        phantom::put(item, phantom::text({0x0042, 0x0011}, "OB", pdf));
        fs::create_directory(root / "in");
        phantom::write(root / "in" / "a", item);
    }

    [[nodiscard]] Outcome run(const std::string& documents) const
    {
        return run_tool("fiona-anonymize",
                        {"-i", root / "in", "-o", root.path / ("out" + documents), "-j", "GLIOMA",
                         "-p", "GLI_001", "--key-file", root / "key", "--documents", documents});
    }

    TempDir root;
};

} // namespace

TEST_CASE("fiona-anonymize: a PDF passes only on request, and only if nothing in it identifies")
{
    if (!fs::exists("/usr/bin/pdftotext") || !fs::exists("/usr/bin/prlimit")) {
        skip("poppler-utils is not installed");
        return;
    }
    const auto clean = planted::pdf("A lesion in the left kidney", "");
    CHECK(Documents{clean}.run("refuse").exit_code == EX_DATAERR);
    const Documents passing{clean};
    CHECK(passing.run("if-clean").exit_code == EX_OK);
    CHECK(fs::exists(passing.root / "outif-clean"));

    const auto bad = GENERATE(planted::pdf("Kari is well", ""), planted::pdf("Seen 20240120", ""),
                              planted::pdf("A lesion", "Somebody Else"),
                              std::string{"%PDF-1.4 and then nothing"});
    const auto refused = Documents{bad}.run("if-clean");
    CHECK(refused.exit_code == EX_DATAERR);
    CHECK_THAT(refused.err, Contains("encapsulated document holds"));
}
