// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/pacs/receiver_intake.h"
#include "libfiona/pacs/receiver_room.h"
#include "tests/support/raw_association.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <optional>
#include <thread>

using namespace fiona;
using namespace fiona::pacs;
namespace fs = std::filesystem;

namespace {

const raw::Ids ids;
const ReceiverPeer peer{"SCANNER", "FIONA", "10.0.0.5", "scanner", "1-1"};

class Intake {
public:
    Intake()
    {
        config.paths.data = root.path;
        for (const auto& directory : {config.paths.archive(), config.paths.incoming_parts()}) {
            fs::create_directories(directory);
        }
    }

    Verdict take(const std::string& data,
                 const ObjectClaim& claim = {ids.sop_class, ids.sop, raw::explicit_little})
    {
        Archive archive{config};
        return take(archive, data, claim);
    }
    Verdict take(Archive& archive, const std::string& data,
                 const ObjectClaim& claim = {ids.sop_class, ids.sop, raw::explicit_little})
    {
        PartFile part{config.paths.incoming_parts(), m_buffer};
        const auto meta = file_meta(claim, peer);
        part.append(meta.data(), meta.size());
        part.append(data.data(), data.size());
        return take_in(archive, part, claim, raw::secondary_capture, peer);
    }

    [[nodiscard]] fs::path archived() const
    {
        return config.paths.archive() / ("scp_" + ids.study) / ("SC." + ids.sop);
    }

    TempDir root;
    Config config;

private:
    WriteBuffer m_buffer{WriteBuffer::block_bytes};
};

} // namespace

TEST_CASE("a good object is stored, again the same is a duplicate, another one a replacement")
{
    Intake intake;
    CHECK(intake.take(raw::data_set(ids)).stored == Stored::created);
    CHECK(intake.take(raw::data_set(ids)).stored == Stored::duplicate);
    CHECK(intake.take(raw::data_set(ids, 1000, 'y')).stored == Stored::replaced);
    std::ofstream{intake.archived()} << "no DICOM at all";
    CHECK(intake.take(raw::data_set(ids)).stored == Stored::replaced);

    CHECK(fs::is_empty(intake.config.paths.incoming_parts()));
    CHECK(store::Spool{intake.config.paths.spool()}.count_waiting() == 4);
    CHECK((fs::status(intake.archived()).permissions() & fs::perms::others_all) == fs::perms::none);
}

TEST_CASE("nobody takes the directory of a study away while the receiver stores into it")
{
    Intake intake;
    std::optional<Archive> archive{intake.config};
    REQUIRE(intake.take(*archive, raw::data_set(ids)).stored == Stored::created);
    const UniqueFd janitor{
        ::open(intake.archived().parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};

    CHECK(::flock(janitor.get(), LOCK_EX | LOCK_NB) != 0);
    archive.reset(); // the association has ended
    CHECK(::flock(janitor.get(), LOCK_EX | LOCK_NB) == 0);
}

TEST_CASE("an object that comes while the janitor takes its study is stored beside, not with it")
{
    Intake intake;
    REQUIRE(intake.take(raw::data_set(ids)).stored == Stored::created);
    const auto directory = intake.archived().parent_path();
    UniqueFd janitor{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    REQUIRE(::flock(janitor.get(), LOCK_EX | LOCK_NB) == 0);
    struct stat status {};
    REQUIRE(::fstat(janitor.get(), &status) == 0);

    Verdict verdict;
    std::jthread receiver{[&] { verdict = intake.take(raw::data_set(ids)); }};
    const auto waits = [&] { // a waiting lock has an arrow in this list
        std::ifstream locks{"/proc/locks"};
        for (std::string line; std::getline(locks, line);) {
            if (line.find("->") != std::string::npos
                && line.find(fmt::format(":{} ", status.st_ino)) != std::string::npos) {
                return true;
            }
        }
        return false;
    };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!waits() && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::yield();
    }
    REQUIRE(waits());
    fs::rename(directory, intake.config.paths.archive() / ".trash");
    janitor = UniqueFd{};
    receiver.join();

    CHECK(verdict.stored == Stored::created); // what is in the trash does not count
    CHECK(fs::exists(intake.archived()));
}

TEST_CASE("each kind of refused object has its status and its reason")
{
    struct Case {
        const char* what;
        ObjectClaim claim;
        std::string data;
        std::uint16_t status;
        std::string_view reason;
    };
    const ObjectClaim good{ids.sop_class, ids.sop, raw::explicit_little};
    raw::Ids other_sop = ids;
    other_sop.sop = "1.2.3";
    raw::Ids no_series = ids;
    no_series.series = "";
    raw::Ids long_study = ids;
    long_study.study = std::string(65, '1');
    const std::vector<Case> cases{
        {"illegal UID in the command",
         {ids.sop_class, "../1", raw::explicit_little},
         raw::data_set(ids),
         0x0117,
         "illegal_command_uid"},
        {"another class than that of the context",
         {"1.2.840.10008.5.1.4.1.1.2", ids.sop, raw::explicit_little},
         raw::data_set(ids),
         0x0122,
         "other_class"},
        {"another instance", good, raw::data_set(other_sop), 0xa900, "mismatch"},
        {"no series", good, raw::data_set(no_series), 0xc002, "missing_uid"},
        {"a UID of 65 characters", good, raw::data_set(long_study), 0xc002, "illegal_uid"},
        {"nothing at all", good, "", 0xc002, "missing_uid"},
        {"a cut data set", good, raw::data_set(ids).substr(0, 300), 0xc001, "unparsable"},
        {"another syntax than negotiated",
         {ids.sop_class, ids.sop, "1.2.840.10008.1.2.2"},
         raw::data_set(ids),
         0xc001,
         "unparsable"}};
    for (const auto& one : cases) {
        CAPTURE(one.what);
        Intake intake;
        const auto verdict = intake.take(one.data, one.claim);
        CHECK(verdict.status == one.status);
        CHECK(verdict.reason == one.reason);
        CHECK_FALSE(verdict.stored);
        CHECK(verdict.comment.size() <= 64);
        CHECK(fs::is_empty(intake.config.paths.archive()));
    }
}

TEST_CASE("an archive that cannot be written is no success, and the next object may be")
{
    Intake intake;
    fs::create_directories(intake.root / "elsewhere");
    const auto study = intake.config.paths.archive() / ("scp_" + ids.study);
    SECTION("the directory of the study is a link")
    {
        fs::create_symlink("/tmp", study);
    }
    SECTION("it dangles")
    {
        fs::create_symlink("/nonexistent", study);
    }
    SECTION("it is a file")
    {
        std::ofstream{study} << "x";
    }
    SECTION("it is a FIFO")
    {
        REQUIRE(::mkfifo(study.c_str(), 0600) == 0);
    }

    const auto verdict = intake.take(raw::data_set(ids));

    CHECK(verdict.status == 0xa700);
    CHECK_FALSE(verdict.stored);
    CHECK(fs::is_empty(intake.config.paths.incoming_parts()));
    fs::remove(study);
    CHECK(intake.take(raw::data_set(ids)).stored == Stored::created);
}

TEST_CASE("the doorbell rings where somebody listens and disturbs nobody else")
{
    Intake intake;
    fs::create_directories(intake.config.paths.spool());
    const auto fifo = intake.config.paths.spool() / "doorbell";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    CHECK(intake.take(raw::data_set(ids)).stored); // nobody reads: not a moment's wait

    const UniqueFd reader{::open(fifo.c_str(), O_RDONLY | O_NONBLOCK)};
    CHECK(intake.take(raw::data_set(ids)).stored);
    std::array<char, 16> heard{};
    CHECK(::read(reader.get(), heard.data(), heard.size()) == 1);
    CHECK(heard[0] == '\n');
}

TEST_CASE("a refused object is kept under a name of ours with its reason")
{
    Intake intake;
    const Archive archive{intake.config};
    WriteBuffer buffer{WriteBuffer::block_bytes};
    PartFile part{intake.config.paths.incoming_parts(), buffer};
    part.append("bytes", 5);
    part.flush();

    CHECK(archive.set_aside(part, "unparsable", "an element is cut off at byte 5", peer));

    std::vector<fs::path> kept;
    for (const auto& entry :
         fs::directory_iterator{intake.config.paths.rejected() / "unparsable"}) {
        kept.push_back(entry.path());
    }
    std::ranges::sort(kept);
    REQUIRE(kept.size() == 2);
    CHECK(read_file(kept[0]) == "bytes");
    CHECK(kept[1] == kept[0].native() + ".reason");
    CHECK(json::parse(read_file(kept[1]), "reason").text("reason") == "unparsable");
}

TEST_CASE("a janitor that removes the empty directory of a study does not lose an object")
{
    Intake intake;
    Archive archive{intake.config};
    WriteBuffer buffer{WriteBuffer::block_bytes};
    const ObjectClaim claim{ids.sop_class, ids.sop, raw::explicit_little};
    for (int i = 0; i < 2; ++i) {
        PartFile part{intake.config.paths.incoming_parts(), buffer};
        const auto bytes = file_meta(claim, peer) + raw::data_set(ids);
        part.append(bytes.data(), bytes.size());
        CHECK(take_in(archive, part, claim, raw::secondary_capture, peer).stored
              == Stored::created);
        REQUIRE(fs::exists(intake.archived()));
        fs::remove_all(intake.archived().parent_path());
    }
}

TEST_CASE("room is refused for a short disk, a long spool, and a disk that cannot be asked")
{
    Intake intake;
    const store::Spool spool{intake.config.paths.spool()};
    auto& limits = intake.config.receiver;
    limits.soft_free_share = limits.hard_free_share = 0;
    limits.soft_free_bytes = limits.hard_free_bytes = 0;
    const auto now = std::chrono::steady_clock::now();
    CHECK(Room{intake.config, spool}.refusal(now).empty());

    SECTION("disk")
    {
        limits.hard_free_bytes = std::uint64_t{1} << 60U;
    }
    SECTION("spool")
    {
        limits.spool_max = 0;
    }
    SECTION("no disk")
    {
        intake.config.paths.data = "/nonexistent";
    }

    CHECK_FALSE(Room{intake.config, spool}.refusal(now).empty());
}
